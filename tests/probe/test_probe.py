"""Asking from outside, with real sockets: what a server does and what is made of it."""

from __future__ import annotations

import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from deployer.model import Health
from deployer.probe import probe
from deployer.provider import Endpoint
from deployer.quantity import Seconds

Play = Callable[[socket.socket, threading.Event], None]
HEALTH = Health(path="/health", timeout=Seconds(0.5))


@contextmanager
def serving(
    play: Play, context: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads one request at a time and then does as `play` says."""
    heard: list[bytes] = []
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with suppress(OSError):
                if context:
                    connection = context.wrap_socket(connection, server_side=True)
                heard.append(connection.recv(65536))
                play(connection, over)
            connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}", heard
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def says(text: str) -> Play:
    return lambda connection, over: connection.sendall(text.replace("\n", "\r\n").encode())


def status(code: int, headers: str = "", body: str = "ok") -> Play:
    return says(f"HTTP/1.1 {code} X\nContent-Length: {len(body)}\n{headers}\n{body}")


@pytest.mark.parametrize("code", [200, 204, 299, 301, 302, 307, 399])
def test_200_to_399_is_good_and_no_redirect_is_followed(code: int) -> None:
    with serving(status(code, "Location: http://127.0.0.1:9/\n")) as (at, heard):
        answer = probe(Endpoint(url=f"http://{at}"), HEALTH)
    assert (answer.kind, answer.status) == ("ok", code)
    assert len(heard) == 1


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 429, 500, 502, 503, 504])
def test_other_statuses_are_told(code: int) -> None:
    with serving(status(code)) as (at, _):
        answer = probe(Endpoint(url=f"http://{at}"), HEALTH)
    assert (answer.kind, answer.status) == ("status", code)


@pytest.mark.parametrize(("code", "kind"), [(404, "ok"), (500, "ok"), (502, "status")])
def test_without_a_health_path_any_answer_of_the_application_is_good(code: int, kind: str) -> None:
    with serving(status(code)) as (at, _):
        assert probe(Endpoint(url=f"http://{at}"), Health(timeout=Seconds(0.5))).kind == kind


def test_the_path_and_the_headers_are_the_endpoints_and_nothing_more_is_sent() -> None:
    with serving(status(200)) as (at, heard):
        probe(Endpoint(url=f"http://{at}/base/", headers={"Host": "shop.example"}), HEALTH)
    lines = heard[0].decode().split("\r\n")
    assert lines[0] == "GET /base/health HTTP/1.1"
    assert [line for line in lines if line.lower().startswith("host:")] == ["Host: shop.example"]
    assert not any("authorization" in line.lower() or "cookie" in line.lower() for line in lines)


@pytest.mark.parametrize(
    ("header", "code", "kind"),
    [
        ("X-Release: r2\n", 200, "ok"),
        ("X-Release: r1\n", 200, "other-release"),
        ("X-Release: r22\n", 200, "other-release"),
        ("", 200, "other-release"),
        ("X-Release: r1\n", 404, "other-release"),
        ("X-Release: r2\n", 500, "status"),
        ("", 503, "status"),
    ],
)
def test_the_release_that_answers_has_to_be_ours(header: str, code: int, kind: str) -> None:
    with serving(status(code, header)) as (at, _):
        answer = probe(Endpoint(url=f"http://{at}", answers=("x-release", "r2")), HEALTH)
    assert answer.kind == kind


def silent(connection: socket.socket, over: threading.Event) -> None:
    over.wait(30)


def drips_headers(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not over.wait(0.05):
        connection.sendall(b"a")


def drips_a_body(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
    while not over.wait(0.05):
        connection.sendall(b"a")


@pytest.mark.parametrize("play", [silent, drips_headers, drips_a_body])
def test_an_answer_that_does_not_come_whole_in_time_is_none(play: Play) -> None:
    with serving(play) as (at, _):
        answer = probe(Endpoint(url=f"http://{at}"), HEALTH)
    assert (answer.kind, answer.detail) == ("timeout", "no answer within 500ms")


def resets(connection: socket.socket, over: threading.Event) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    "play",
    [
        resets,
        says(""),
        says("HTTP/1.1 200 OK\nContent-Length: 500\n\ncut here"),
        says("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nff\ncut here"),
        says("HTTP/1.1 200 OK\nContent-Le"),
        says("SSH-2.0-OpenSSH_9.6\n"),
        says("HTTP/1.1 200 OK\n" + "X-A: b\n" * 200 + "\n"),
    ],
    ids=["reset", "closed", "cut", "cut chunk", "cut header", "no HTTP", "too many headers"],
)
def test_a_broken_answer_is_no_good_answer(play: Play) -> None:
    with serving(play) as (at, _):
        answer = probe(Endpoint(url=f"http://{at}"), HEALTH)
    assert (answer.kind, answer.status) == ("reset", 0)
    assert answer.detail


def test_a_large_body_is_not_read_to_its_end() -> None:
    with serving(status(200, body="x" * 10_000_000)) as (at, _):
        assert probe(Endpoint(url=f"http://{at}"), HEALTH).kind == "ok"


def test_a_closed_port_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answer = probe(Endpoint(url=f"http://127.0.0.1:{port}"), HEALTH)
    assert answer.kind == "refused"


def test_a_name_that_does_not_exist_is_told() -> None:
    answer = probe(Endpoint(url="http://nowhere.invalid"), HEALTH)
    assert answer.kind == "dns"
    assert "nowhere.invalid" in answer.detail


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost, with its key."""
    folder = tmp_path_factory.mktemp("tls")
    both = folder / "both.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)
    both.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return both


def over_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_self_signed_certificate_is_refused(certificate: Path) -> None:
    with serving(status(200), over_tls(certificate)) as (at, _):
        port = at.rpartition(":")[2]
        answer = probe(Endpoint(url=f"https://localhost:{port}"), HEALTH)
    assert answer.kind == "tls"
    assert "CERTIFICATE_VERIFY_FAILED" in answer.detail


def test_a_known_certificate_is_fine_but_not_for_another_host(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(status(200), over_tls(certificate)) as (at, _):
        port = at.rpartition(":")[2]
        assert probe(Endpoint(url=f"https://localhost:{port}"), HEALTH).kind == "ok"
        assert probe(Endpoint(url=f"https://127.0.0.1:{port}"), HEALTH).kind == "tls"


def test_http_where_https_is_meant_is_told() -> None:
    with serving(status(200)) as (at, _):
        assert probe(Endpoint(url=f"https://{at}"), HEALTH).kind == "tls"
