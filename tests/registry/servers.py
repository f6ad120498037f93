"""Servers for the tests: Debian's docker-registry, a token server, and one that misbehaves."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

CONFIG = """
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %(root)s}, delete: {enabled: true}}
http: {addr: "127.0.0.1:%(port)d", secret: abc%(tls)s}
%(auth)s
"""
TOKEN_AUTH = """
auth:
  token: {realm: "%(realm)s", service: tests, issuer: tests, rootcertbundle: "%(bundle)s"}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def registry(folder: Path, auth: str = "", tls: str = "") -> Iterator[str]:
    """A real registry on this machine; gives `127.0.0.1:port`. `tls` is more for `http`."""
    if not shutil.which("docker-registry"):
        pytest.skip("docker-registry is not installed")
    port = free_port()
    config = folder / "registry.yml"
    config.write_text(CONFIG % {"root": folder / "data", "port": port, "auth": auth, "tls": tls})
    with (folder / "registry.log").open("wb") as log:
        child = subprocess.Popen(
            ["docker-registry", "serve", str(config)], stdout=subprocess.DEVNULL, stderr=log
        )
    try:
        _wait(port, child)
        yield f"127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(10)


def push(
    host: str, repository: str, tag: str, *, architecture: str = "amd64", authorization: str = ""
) -> str:
    """A small image, put by plain HTTP and not by the code under test; gives its digest."""
    pool = urllib3.PoolManager(headers={"Authorization": authorization} if authorization else None)
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {
                "ExposedPorts": {"8000/tcp": {}, "53/udp": {}},
                "Labels": {"a": "b"},
                "User": "app",
                "Cmd": ["serve"],
            },
            "rootfs": {"type": "layers", "diff_ids": []},
        }
    ).encode()
    described = _blob(pool, host, repository, config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **described},
        "layers": [],
    }
    return put_manifest(pool, host, repository, tag, manifest)


def put_manifest(
    pool: urllib3.PoolManager, host: str, repository: str, tag: str, manifest: dict[str, object]
) -> str:
    raw = json.dumps(manifest, indent=3).encode()  # odd spaces: re-serialising would show
    answer = pool.request(
        "PUT",
        f"http://{host}/v2/{repository}/manifests/{tag}",
        body=raw,
        headers={**pool.headers, "Content-Type": str(manifest["mediaType"])},
    )
    assert answer.status == 201, answer.data
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def _blob(pool: urllib3.PoolManager, host: str, repository: str, data: bytes) -> dict[str, object]:
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    begun = pool.request("POST", f"http://{host}/v2/{repository}/blobs/uploads/")
    assert begun.status == 202, begun.data
    done = pool.request("PUT", f"{begun.headers['location']}&digest={digest}", body=data)
    assert done.status == 201, done.data
    return {"digest": digest, "size": len(data)}


def _wait(port: int, child: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert child.poll() is None, "the registry ended at its start"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the registry does not listen")


def certificate(folder: Path) -> tuple[Path, Path]:
    """A key and a certificate for this machine, signed by itself."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=tests", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, cert


@dataclass
class TokenServer:
    """The distribution project's token protocol with a real signature, for one user.

    `grants` says which actions the user `ann` has on each repository.
    """

    folder: Path
    grants: dict[str, str] = field(default_factory=dict)
    seen: list[dict[str, str]] = field(default_factory=list)
    seconds: int = 300

    def __post_init__(self) -> None:
        self.key, self.bundle = certificate(self.folder)

    def answer(self, handler: BaseHTTPRequestHandler) -> tuple[int, dict[str, object]]:
        query = _query(handler)
        self.seen.append({**query, "method": handler.command})
        login = handler.headers.get("Authorization", "")
        good = base64.b64encode(b"ann:right-password").decode()
        identity = query.get("refresh_token")
        if (login and login != f"Basic {good}") or (identity and identity != "refresh-me"):
            return 401, {}
        token = self.token(query.get("scope", ""), known=bool(login or identity))
        return 200, {"access_token" if identity else "token": token, "expires_in": self.seconds}

    def token(self, scope: str, *, known: bool) -> str:
        access = []
        for part in scope.split():
            kind, name, actions = part.split(":")
            granted = self.grants.get(name, "") if known else ""
            allowed = [a for a in actions.split(",") if a in granted]
            access.append({"type": kind, "name": name, "actions": allowed})
        now = int(time.time())
        claims = {
            "iss": "tests",
            "sub": "ann",
            "aud": "tests",
            "access": access,
            "jti": str(now),
            "nbf": now - 9,
            "iat": now,
            "exp": now + max(self.seconds, 60),
        }
        der = subprocess.run(
            ["openssl", "x509", "-in", str(self.bundle), "-outform", "DER"],
            check=True, capture_output=True,
        ).stdout  # fmt: skip
        head = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
        signed = f"{_b64(json.dumps(head).encode())}.{_b64(json.dumps(claims).encode())}"
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", str(self.key)],
            input=signed.encode(), check=True, capture_output=True,
        ).stdout  # fmt: skip
        return f"{signed}.{_b64(signature)}"


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _query(handler: BaseHTTPRequestHandler) -> dict[str, str]:
    if handler.command == "POST":
        text = handler.rfile.read(int(handler.headers["Content-Length"])).decode()
    else:
        text = urlsplit(handler.path).query
    return {key: values[0] for key, values in parse_qs(text).items()}


@contextmanager
def token_server(folder: Path) -> Iterator[tuple[TokenServer, str]]:
    """A token server; gives it and its address."""
    server = TokenServer(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = server.answer(self)
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_POST = do_GET

        def log_message(self, *_: object) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    try:
        yield server, f"http://127.0.0.1:{http.server_address[1]}/token"
    finally:
        http.shutdown()
        http.server_close()


Script = Callable[[str, dict[str, str]], bytes | None]


@dataclass
class FaultServer:
    """Answers with raw bytes, one request per connection; None resets the connection."""

    answers: list[bytes | None]
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    host: str = ""


@contextmanager
def fault_server(*answers: bytes | None) -> Iterator[FaultServer]:
    """A server that gives these answers in this order, and the last one for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = FaultServer(list(answers), host=f"127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=_serve, args=(listener, server), daemon=True)
        thread.start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def answer(status: str, body: bytes = b"", **headers: str) -> bytes:
    """An HTTP answer as bytes; `_` in a header's name stands for `-`."""
    lines = [f"HTTP/1.1 {status}", "Connection: close"]
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    named.setdefault("Content-Length", str(len(body)))
    lines += [f"{key}: {value}" for key, value in named.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _serve(listener: socket.socket, server: FaultServer) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            head = _head(connection)
            first, *rest = head.split("\r\n")
            pairs = (line.partition(": ") for line in rest if line)
            server.requests.append((first, {key.lower(): value for key, _, value in pairs}))
            answers = server.answers
            reply = answers.pop(0) if len(answers) > 1 else answers[0]
            if reply is None:
                linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            else:
                connection.sendall(reply)


def _head(connection: socket.socket) -> str:
    data = b""
    while b"\r\n\r\n" not in data and data[:1] != b"\x16" and (more := connection.recv(4096)):
        data += more
    return data.partition(b"\r\n\r\n")[0].decode("latin-1")
