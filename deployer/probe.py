"""Asking from outside: one request, one `Answer`."""

from __future__ import annotations

import http.client
import socket
import ssl
from urllib.parse import urlsplit

from deployer.diagnose import Answer
from deployer.model import Health
from deployer.provider import Endpoint

LIMIT = 64 * 1024  # of a body that nobody reads
BY_A_PROXY = frozenset({502, 503, 504})  # said for an application that did not answer


def probe(endpoint: Endpoint, health: Health) -> Answer:
    """GET the health path at `endpoint` once.

    Good is 200 to 399 on `health.path`; without a path, any answer that the application itself
    gave. Where the endpoint names the release that has to answer, another one is no good answer.
    Redirects are not followed: 3xx is the application's answer.
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
    try:
        path = url.path.rstrip("/") + (health.path or "/")
        headers = {"User-Agent": "deployer", "Connection": "close", **endpoint.headers}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read(LIMIT)
        return answer.status, answer.headers
    finally:
        connection.close()


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
