"""A proxy in front of an engine or a registry that fails on purpose at a chosen request.

Each connection carries one request (`Connection: close` is put in), so that requests can be
counted and told apart by their first line; upgraded connections (exec, BuildKit) pass as they are.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal["reset", "cut", "hang", "answer", "truncate", "die", "slow", "call"]
Address = str | tuple[str, int]  # the path of a socket, or host and port
LINGER = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")  # closing sends a reset


@dataclass
class Fault:
    """What happens to requests that match, from the `nth` on, `times` times.

    reset: no byte is passed on. cut: passed on, the answer is lost. truncate: half of the answer's
    first piece. hang: nobody answers. answer: `data` instead. die: like cut, and nobody listens
    from then on. slow: `seconds` later. call: `then()`, and then as usual.
    """

    kind: Kind
    match: str = "."  # a regular expression on `POST /v1.41/build?…`
    nth: int = 1
    times: int = 10**9
    data: bytes = b""
    seconds: float = 0.0
    then: Callable[[], object] = lambda: None
    seen: int = 0

    def hits(self, line: str) -> bool:
        """Whether this request is one that fails."""
        if not re.search(self.match, line):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


@dataclass
class FaultProxy:
    """`requests` holds the first lines that came; `met` those that met a fault."""

    listener: socket.socket
    upstream: Address
    faults: tuple[Fault, ...]
    requests: list[str] = field(default_factory=list)
    met: list[str] = field(default_factory=list)
    open: list[socket.socket] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    host: str = ""  # as DOCKER_HOST, or as the host of a registry

    def __post_init__(self) -> None:
        name = self.listener.getsockname()
        self.host = f"unix://{name}" if isinstance(name, str) else f"{name[0]}:{name[1]}"

    def serve(self) -> None:
        """Take connections until `close`."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(client)
            threading.Thread(target=self._one, args=(client,), daemon=True).start()

    def close(self) -> None:
        """Stop listening and cut every connection."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for each in list(self.open):
            _end(each)

    def _one(self, client: socket.socket) -> None:
        with suppress(OSError):
            self._request(client)
        _end(client)

    def _request(self, client: socket.socket) -> None:
        head = _head(client)
        line = head.partition(b"\r\n")[0].decode("latin-1").rpartition(" ")[0]
        if not line:
            return
        with self._guard:
            self.requests.append(line)
            fault = next((fault for fault in self.faults if fault.hits(line)), None)
            self.met += [line] if fault else []
        if fault is None or fault.kind in ("slow", "call"):
            time.sleep(fault.seconds if fault else 0)
            _ = fault and fault.then()
            self._pass(client, head)
        else:
            self._fail(client, head, fault)

    def _fail(self, client: socket.socket, head: bytes, fault: Fault) -> None:
        if fault.kind == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        elif fault.kind == "hang":
            while client.recv(65536):
                pass
        elif fault.kind == "answer":
            client.sendall(fault.data)
            client.shutdown(socket.SHUT_WR)
            client.settimeout(5)
            while client.recv(65536):  # closing over unread data would reset the answer
                pass
        elif fault.kind == "die":
            self._answer(client, head)
            self.close()
        else:
            first = self._answer(client, head)
            if fault.kind == "truncate":
                client.sendall(first[: len(first) // 2])

    def _answer(self, client: socket.socket, head: bytes) -> bytes:
        """The first piece of the answer; that the request had its effect is certain then."""
        server = self._connect()
        server.sendall(head)
        threading.Thread(target=_pump, args=(client, server), daemon=True).start()
        return server.recv(65536)

    def _pass(self, client: socket.socket, head: bytes) -> None:
        server = self._connect()
        server.sendall(head)
        threading.Thread(target=_pump, args=(client, server), daemon=True).start()
        _pump(server, client)
        _end(server)

    def _connect(self) -> socket.socket:
        family = socket.AF_UNIX if isinstance(self.upstream, str) else socket.AF_INET
        server = socket.socket(family)
        server.connect(self.upstream)
        self.open.append(server)
        return server


@contextmanager
def fault_proxy(listen: Address, upstream: Address, *faults: Fault) -> Iterator[FaultProxy]:
    """A proxy at `listen` (port 0: any free one) in front of `upstream`."""
    listener = socket.socket(socket.AF_UNIX if isinstance(listen, str) else socket.AF_INET)
    listener.bind(listen)
    listener.listen(64)
    proxy = FaultProxy(listener, upstream, faults)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join(5)
        if isinstance(listen, str):
            Path(listen).unlink(missing_ok=True)


def said(status: str, body: str = "", kind: str = "application/json") -> bytes:
    """A whole HTTP answer: `said("500 Oh", '{"message": "no space left on device"}')`."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n{body}".encode()


def _head(client: socket.socket) -> bytes:
    """Everything up to and beyond the end of the request's head, asking to close afterwards."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(65536)
        if not more:
            return b""
        data += more
        if data[:1] == b"\x16":
            return b"TLS hello HTTP/1.1\r\n\r\n"  # the first byte of a handshake
    head, _, rest = data.partition(b"\r\n\r\n")
    if b"upgrade:" in head.lower():
        return data
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + rest


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _end(connection: socket.socket) -> None:
    """Close for certain, also under a thread that reads from it."""
    linger = connection.fileno() >= 0 and connection.getsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, 8
    )
    if linger != LINGER:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    connection.close()
