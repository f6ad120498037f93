"""HTTP to a registry: proxies, timeouts, retries, redirects, and failures in our words.

Nothing here knows about logins or manifests. Safe to share between threads.
"""

from __future__ import annotations

import random
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import unquote, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, ProxyError, SSLError
from urllib3.response import BaseHTTPResponse

from deployer.errors import DeployerError, RegistryError, Transient
from deployer.registry.reference import is_loopback

Body = bytes | Iterable[bytes]
READS = frozenset({"GET", "HEAD"})
RETRIED = frozenset({429, 500, 502, 503, 504})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
LONGEST_WAIT = 60.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a read is tried, and how long (seconds) the first pause is; it doubles."""

    tries: int = 5
    pause: float = 0.2
    sleep: Callable[[float], None] = field(default=time.sleep)

    def wait(self, attempt: int, asked: float | None = None) -> None:
        """Pause after attempt number `attempt` (from 0), with jitter; `asked` is Retry-After."""
        if asked is not None:
            self.sleep(min(asked, LONGEST_WAIT))
            return
        self.sleep(min(self.pause * 2**attempt, LONGEST_WAIT) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not cryptography


class Wire:
    """One pool of connections per proxy (or none), shared by all requests."""

    def __init__(self, *, connections: int = 34, patience: Patience | None = None) -> None:
        self.patience = patience or Patience()
        self._connections = connections
        self._pools: dict[str, urllib3.PoolManager] = {}

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        body: Body | None = None,
        stream: bool = False,
        repeat: bool | None = None,
    ) -> BaseHTTPResponse:
        """The answer, whatever its status; with `stream` its body is left to read.

        Reads, and whatever `repeat` says is harmless to do twice, are tried again after 429, 5xx
        and broken connections. Transient if there is no answer after that, RegistryError if TLS
        fails. A 5xx after the last try is returned like any other answer.
        """
        again = method in READS if repeat is None else repeat
        tries = self.patience.tries if again else 1
        for attempt in range(tries):
            last = attempt == tries - 1
            try:
                answer = self._follow(method, url, dict(headers), body, stream)
            except HTTPError as error:
                if last or isinstance(_cause(error), SSLError):
                    raise unreachable(url, error) from error
                self.patience.wait(attempt)
                continue
            if last or answer.status not in RETRIED:
                return answer
            answer.close()
            self.patience.wait(attempt, _retry_after(answer))
        raise AssertionError("unreachable")  # pragma: no cover

    def _follow(
        self, method: str, url: str, headers: dict[str, str], body: Body | None, stream: bool
    ) -> BaseHTTPResponse:
        for _ in range(6):
            answer = self._once(method, url, headers, body, stream)
            target = answer.headers.get("location")
            if method not in READS or answer.status not in REDIRECTS or not target:
                return answer
            answer.close()
            there = urljoin(url, target)
            if not _same_origin(url, there):
                # storage behind a registry has its own signature in the URL; ours stays with us
                headers.pop("Authorization", None)
            _refuse_downgrade(url, there)
            url = there
        raise RegistryError(
            f"{urlsplit(url).netloc} redirects in circles",
            why="six redirects for one request",
            fix="check the registry's external address, or a proxy in between",
        )

    def _once(
        self, method: str, url: str, headers: dict[str, str], body: Body | None, stream: bool
    ) -> BaseHTTPResponse:
        return self._pool(url).request(
            method,
            url,
            headers={"Accept-Encoding": "identity", "User-Agent": "deployer", **headers},
            body=body,
            preload_content=not stream,
            decode_content=False,
            redirect=False,
            retries=False,
            timeout=urllib3.Timeout(connect=5.0, read=30.0),
        )

    def _pool(self, url: str) -> urllib3.PoolManager:
        proxy = proxy_for(url)
        if proxy not in self._pools:
            self._pools[proxy] = self._new_pool(proxy)
        return self._pools[proxy]

    def _new_pool(self, proxy: str) -> urllib3.PoolManager:
        if not proxy:
            return urllib3.PoolManager(maxsize=self._connections)
        user = unquote(urlsplit(proxy).username or "")
        password = unquote(urlsplit(proxy).password or "")
        login = urllib3.make_headers(proxy_basic_auth=f"{user}:{password}") if user else None
        return urllib3.ProxyManager(proxy, maxsize=self._connections, proxy_headers=login)


def proxy_for(url: str) -> str:
    """The proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY ask for, or "". Never for loopback."""
    parts = urlsplit(url)
    if is_loopback(parts.netloc) or urllib.request.proxy_bypass(parts.netloc):
        return ""
    found = urllib.request.getproxies().get(parts.scheme, "")
    return found if "://" in found or not found else f"http://{found}"


def unreachable(url: str, error: HTTPError) -> DeployerError:
    """A failed connection as one of our errors: which host, which step, what to look at."""
    host, cause = urlsplit(url).netloc, _cause(error)
    text = str(cause.args[0] if cause.args else cause)
    if isinstance(cause, SSLError):
        return _tls(host, text)
    if isinstance(cause, ProxyError):
        return Transient(
            f"the proxy on the way to {host} failed",
            why=text,
            fix="check HTTPS_PROXY, or list the registry in NO_PROXY",
        )
    return Transient(
        f"{host} did not answer",
        why=f"{type(cause).__name__}: {text}",
        fix="check the registry's name, the network and HTTPS_PROXY, then run the same again",
    )


def _cause(error: HTTPError) -> HTTPError:
    inner = getattr(error, "reason", None)
    return inner if isinstance(inner, HTTPError) else error


def _tls(host: str, text: str) -> RegistryError:
    if "WRONG_VERSION_NUMBER" in text or "record layer" in text.lower():
        return RegistryError(
            f"{host} does not speak TLS",
            why=f"it answered something else on an https connection ({text})",
            fix="check the port; plain HTTP is used for registries on this machine only",
        )
    return RegistryError(
        f"the certificate of {host} is not trusted",
        why=text,
        fix="set SSL_CERT_FILE to a bundle with your company's authority, or renew it",
    )


def _same_origin(one: str, other: str) -> bool:
    a, b = urlsplit(one), urlsplit(other)
    return (a.scheme, a.netloc) == (b.scheme, b.netloc)


def _refuse_downgrade(here: str, there: str) -> None:
    if urlsplit(here).scheme == "https" and urlsplit(there).scheme != "https":
        raise RegistryError(
            f"{urlsplit(here).netloc} redirects from https to plain HTTP",
            why="what comes back could have been changed on the way",
            fix="configure the registry's external address with https",
        )


def _retry_after(answer: BaseHTTPResponse) -> float | None:
    """Seconds, from either form of the header (RFC 9110, 10.2.3)."""
    text = answer.headers.get("retry-after", "")
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None
