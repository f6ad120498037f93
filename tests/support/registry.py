"""A real distribution server (Debian's docker-registry) on a free loopback port."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.error import HTTPError, URLError

from tests.support.ports import free_port

Auth = Literal["none", "basic", "bearer"]
USER, PASSWORD = "tester", "throw-away"
LOGIN = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
# bcrypt of PASSWORD, cost 5: made once, since the standard library has no bcrypt.
HTPASSWD = "tester:$2b$05$F3JTjVQPXIELhpuiVe38neYJBIC4piP3kxPVgZwBdxa00JQHulbjy\n"


@dataclass
class RegistryServer:
    """`host` is what stands before the first slash of a reference: `127.0.0.1:41234`."""

    host: str
    root: Path
    process: subprocess.Popen[bytes]
    log: Path
    user: str | None = None
    password: str | None = None
    tokens: TokenServer | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        if self.tokens:
            self.tokens.stop()


@dataclass
class TokenServer:
    """Hands out bearer tokens, except for a wrong password; `requests` holds what was asked."""

    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.requests))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.realm = f"http://127.0.0.1:{self._server.server_address[1]}/token"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve(binary: str, root: Path, auth: Auth = "none", delete: bool = True) -> RegistryServer:
    """Starts a server whose blobs live below `root` and waits until it answers.

    `bearer` answers 401 with a challenge that points to a token server, and then accepts any
    token: enough to test the exchange, not to test scopes.
    """
    root.mkdir(parents=True, exist_ok=True)
    port, tokens = free_port(), TokenServer() if auth == "bearer" else None
    settings = _settings(root, port, auth, tokens)
    settings["storage"]["delete"] = {"enabled": delete}
    config, log = root / "config.json", root / "registry.log"
    config.write_text(json.dumps(settings))  # JSON is YAML
    with log.open("wb") as output:
        process = subprocess.Popen([binary, "serve", str(config)], stdout=output, stderr=output)
    server = RegistryServer(f"127.0.0.1:{port}", root, process, log, tokens=tokens)
    if auth != "none":
        server.user, server.password = USER, PASSWORD
    _wait(server)
    return server


def _settings(root: Path, port: int, auth: Auth, tokens: TokenServer | None) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "version": "0.1",
        "log": {"accesslog": {"disabled": False}},
        "storage": {"filesystem": {"rootdirectory": str(root / "data")}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": secrets.token_hex(8)},
    }
    if auth == "basic":
        (root / "htpasswd").write_text(HTPASSWD)
        settings["auth"] = {"htpasswd": {"realm": "test", "path": str(root / "htpasswd")}}
    if tokens:
        settings["auth"] = {"silly": {"realm": tokens.realm, "service": "test-registry"}}
    return settings


def _wait(server: RegistryServer) -> None:
    for _ in range(200):
        if server.process.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{server.url}/v2/", timeout=5).close()
        except HTTPError as error:
            error.close()
            return
        except (URLError, ConnectionError):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"docker-registry did not start:\n{server.log.read_text()}")


def _handler(requests: list[str]) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            if self.headers["Authorization"] in (None, f"Basic {LOGIN}"):
                self._answer(200, {"token": secrets.token_hex(16), "expires_in": 300})
            else:
                self._answer(401, {"details": "incorrect username or password"})

        def do_POST(self) -> None:
            requests.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self._answer(200, {"access_token": secrets.token_hex(16), "expires_in": 300})

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
