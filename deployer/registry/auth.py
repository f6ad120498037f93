"""The registry's challenge and our answer to it, kept per registry and scope.

The protocol is the distribution project's token authentication, with both of its grants.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from urllib3.response import BaseHTTPResponse

from deployer.errors import AuthError, Denied, RegistryError, Transient
from deployer.registry.login import Basic, Credential, IdentityToken, Logins
from deployer.registry.reference import is_loopback
from deployer.registry.wire import Wire
from deployer.secret import Secret

_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_LEAST_SECONDS = 60  # what a token lives that does not say how long
_MARGIN = 10.0


@dataclass(frozen=True, slots=True)
class Challenge:
    """A WWW-Authenticate header: `basic` or `bearer`, and its parameters."""

    scheme: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Kept:
    header: Secret
    until: float
    anonymous: bool


class Authorizer:
    """Authorization headers, one per (registry, scope), fetched once even by many threads."""

    def __init__(
        self, logins: Logins, wire: Wire, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._logins = logins
        self._wire = wire
        self._clock = clock
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._challenges: dict[str, Challenge] = {}
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._guard = threading.Lock()

    def header(self, registry: str, scope: str) -> Secret | None:
        """What to send at once: a kept answer, or None if the registry never challenged us."""
        with self._guard:
            challenge = self._challenges.get(registry)
        return self._current(registry, scope, challenge, None).header if challenge else None

    def refresh(self, registry: str, scope: str, refused: Secret | None, challenge: str) -> Secret:
        """A new header after a 401 with `challenge` (the WWW-Authenticate text).

        `refused` is the header that was sent; another thread's newer one is taken as it is.
        """
        parsed = parse_challenge(challenge, registry)
        with self._guard:
            self._challenges[registry] = parsed
        return self._current(registry, scope, parsed, refused).header

    def is_anonymous(self, registry: str, scope: str) -> bool:
        """True if we have shown no credentials for this scope."""
        kept = self._kept.get(self._key(registry, scope))
        return kept is None or kept.anonymous

    def _key(self, registry: str, scope: str) -> tuple[str, str]:
        """Basic is the same for every scope: one question to the cloud, not one per repository."""
        challenge = self._challenges.get(registry)
        return (registry, "" if challenge and challenge.scheme == "basic" else scope)

    def _current(
        self, registry: str, scope: str, challenge: Challenge, refused: Secret | None
    ) -> _Kept:
        key = self._key(registry, scope)
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            kept = self._kept.get(key)
            if kept and kept.until > self._clock() and kept.header != refused:
                return kept
            self._kept[key] = self._answer(registry, scope, challenge)
            return self._kept[key]

    def _answer(self, registry: str, scope: str, challenge: Challenge) -> _Kept:
        credential = self._logins.credentials(registry)
        if challenge.scheme == "basic":
            return _Kept(_basic(registry, credential), float("inf"), anonymous=False)
        token, seconds = self._token(registry, scope, challenge, credential)
        until = self._clock() + max(seconds - _MARGIN, 1.0)
        return _Kept(Secret(f"Bearer {token}"), until, anonymous=credential is None)

    def _token(
        self, registry: str, scope: str, challenge: Challenge, credential: Credential | None
    ) -> tuple[str, float]:
        realm = _realm(registry, challenge, credential)
        query = {"service": challenge.parameters.get("service", ""), "scope": scope}
        if isinstance(credential, IdentityToken):
            answer = self._exchange(realm, query, credential)
        else:
            headers = {"Authorization": _pair(credential)} if credential else {}
            join = "&" if "?" in realm else "?"
            answer = self._wire.request("GET", f"{realm}{join}{urlencode(query)}", headers)
        return _read_token(registry, realm, answer)

    def _exchange(
        self, realm: str, query: Mapping[str, str], credential: IdentityToken
    ) -> BaseHTTPResponse:
        form = {
            **query,
            "grant_type": "refresh_token",
            "client_id": "deployer",
            "refresh_token": credential.token.reveal(),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(form).encode()
        return self._wire.request("POST", realm, headers, body=body, repeat=True)


def parse_challenge(text: str, registry: str) -> Challenge:
    """The strongest challenge in a WWW-Authenticate header: bearer before basic."""
    for scheme in ("bearer", "basic"):
        found = re.search(rf"(?:^|,)\s*{scheme}\b(.*)", text, re.IGNORECASE)
        if found:
            pairs = _PARAMETER.findall(found[1])
            return Challenge(scheme, {key.lower(): one or two for key, one, two in pairs})
    raise AuthError(
        f"{registry} asks for a login in a way that is not known here",
        why=f"its challenge is `{text}`; known are Basic and Bearer",
        fix="check that the address is a container registry",
    )


def no_login(registry: str) -> AuthError:
    """The sentence for a registry that wants a login where there is none."""
    return AuthError(
        f"there are no credentials for {registry}",
        why="the registry refuses anonymous requests for this",
        fix=f"docker login {registry}",
    )


def refused_login(registry: str, evidence: tuple[str, ...] = ()) -> AuthError:
    """The sentence for credentials that a registry does not take."""
    return AuthError(
        f"{registry} refused the credentials",
        why="they are wrong, or have expired",
        evidence=evidence,
        fix=f"log in again: docker login {registry}",
    )


def _basic(registry: str, credential: Credential | None) -> Secret:
    if credential is None:
        raise no_login(registry)
    if isinstance(credential, IdentityToken):
        raise AuthError(
            f"the login for {registry} is an identity token, but the registry wants a password",
            why="its challenge is Basic, which has no token server",
            fix=f"docker login {registry} with a user name and a password",
        )
    return Secret(_pair(credential))


def _pair(credential: Basic) -> str:
    pair = f"{credential.username}:{credential.password.reveal()}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _realm(registry: str, challenge: Challenge, credential: Credential | None) -> str:
    realm = challenge.parameters.get("realm", "")
    parts = urlsplit(realm)
    safe = parts.scheme == "https" or is_loopback(parts.netloc) or credential is None
    if parts.scheme not in ("http", "https") or not safe:
        raise RegistryError(
            f"{registry} sends our login to `{realm}`",
            why="the address of its token server must begin with https",
            fix="mend `realm` in the registry's configuration",
        )
    return realm


def _read_token(registry: str, realm: str, answer: BaseHTTPResponse) -> tuple[str, float]:
    if answer.status == 401:
        raise refused_login(registry, (f"{urlsplit(realm).netloc} answered 401",))
    if answer.status == 403:
        raise Denied(
            f"{registry} gives no token for this repository",
            why=f"{urlsplit(realm).netloc} answered 403",
            fix="grant the account access to the repository",
        )
    if answer.status >= 500 or answer.status == 429:
        raise Transient(
            f"the token server of {registry} failed",
            why=f"{urlsplit(realm).netloc} answered {answer.status} to every try",
            fix="run the same again in a while",
        )
    body = _json(answer.data) if answer.status == 200 else {}
    token = body.get("token") or body.get("access_token")
    if not isinstance(token, str):
        raise RegistryError(
            f"the token server of {registry} gave no token",
            why=f"{urlsplit(realm).netloc} answered {answer.status} without one",
            fix="check that the address is a container registry",
        )
    seconds = body.get("expires_in")
    if not isinstance(seconds, int | float) or seconds <= 0:
        seconds = _LEAST_SECONDS
    return token, float(seconds)


def _json(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
