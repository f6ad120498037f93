"""Asking from outside: one request, one `Answer`."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

from deployer.diagnose import Answer
from deployer.model import Health
from deployer.provider import Endpoint

LIMIT = 64 * 1024  # of a body that nobody reads
BY_A_PROXY = frozenset({502, 503, 504})  # said for an application that did not answer


def probe(endpoint: Endpoint, health: Health) -> Answer:
    """GET the health path at `endpoint` once.

    Good is 200 to 399 on `health.path`; without a path, any answer that the application itself
    gave, whole and within `health.timeout` seconds, however slowly it drips. Where the endpoint
    names the release that has to answer, another one is no good answer. Redirects are not
    followed: 3xx is the application's answer.
    """
    try:
        status, headers = _get(endpoint, health)
    except TimeoutError:
        return Answer(kind="timeout", detail=f"no answer within {health.timeout}")
    except ConnectionRefusedError:
        return Answer(kind="refused", detail=f"{endpoint.url}: connection refused")
    except ssl.SSLError as error:
        return Answer(kind="tls", detail=f"{endpoint.url}: {error.reason or error}")
    except socket.gaierror as error:
        return Answer(kind="dns", detail=f"{endpoint.url}: {error.strerror}")
    except (http.client.HTTPException, OSError) as error:
        return Answer(kind="reset", detail=f"{endpoint.url}: {error or type(error).__name__}")
    return _judge(endpoint, health, status, headers)


def _get(endpoint: Endpoint, health: Health) -> tuple[int, http.client.HTTPMessage]:
    url = urlsplit(endpoint.url)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=health.timeout)
    until = time.monotonic() + health.timeout
    try:
        path = url.path.rstrip("/") + (health.path or "/")
        headers = {"User-Agent": "deployer", "Connection": "close", **endpoint.headers}
        connection.request("GET", path, headers=headers)
        wire = _Until(connection.sock, until)
        answer = http.client.HTTPResponse(wire, method="GET")  # type: ignore[arg-type]
        answer.begin()
        body = answer.read(LIMIT)
        if not wire.whole_head or (answer.length and len(body) < LIMIT):
            raise http.client.IncompleteRead(body, answer.length)
        return answer.status, answer.headers
    finally:
        connection.close()


class _Until(io.RawIOBase):
    """A socket read with one deadline for everything: a timeout of its own counts each read."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self._connection, self._until = connection, until
        self._seen = b""

    def makefile(self, mode: str) -> io.BufferedReader:
        """What a response reads from."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there before the deadline. Raises TimeoutError after it."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        count = self._connection.recv_into(buffer)
        self._seen += bytes(buffer[:count])
        return count

    @property
    def whole_head(self) -> bool:
        """Whether the head came to its empty line: http.client takes one that was cut."""
        return b"\n\r\n" in self._seen or b"\n\n" in self._seen


def _judge(
    endpoint: Endpoint, health: Health, status: int, headers: http.client.HTTPMessage
) -> Answer:
    if endpoint.answers:
        name, wanted = endpoint.answers
        who = headers.get(name)
        if who != wanted and status not in BY_A_PROXY:
            return Answer(
                kind="other-release", status=status, detail=f"{who or 'nobody known'} answered"
            )
    fine = 200 <= status < 400 if health.path else status not in BY_A_PROXY
    return Answer(kind="ok" if fine else "status", status=status, detail=f"HTTP {status}")
