"""What a client asks of the Docker engine, seen on the wire by a proxy in between."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

ENGINE = "/var/run/docker.sock"
REQUEST = re.compile(rb"(?:^|\n)(GET|POST|PUT|DELETE|HEAD) (\S+) HTTP/1\.1\r\n")


@dataclass
class Wire:
    """`host` is for DOCKER_HOST; `requests` holds what was asked so far, as `GET /v1.41/info`."""

    host: str
    requests: list[str] = field(default_factory=list)

    def calls(self) -> list[str]:
        """What was asked, without the version of the API."""
        return [re.sub(r" /v[\d.]+/", " /", request) for request in self.requests]


@contextmanager
def tapped() -> Iterator[Wire]:
    """A proxy to the engine's socket for as long as the block lasts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        wire = Wire(f"tcp://127.0.0.1:{server.getsockname()[1]}")
        threading.Thread(target=_accept, args=(server, wire), daemon=True).start()
        yield wire
        server.shutdown(socket.SHUT_RDWR)


def _accept(server: socket.socket, wire: Wire) -> None:
    with suppress(OSError):
        while True:
            client, _ = server.accept()
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(ENGINE)
            for source, sink, seen in ((client, engine, wire.requests), (engine, client, None)):
                threading.Thread(target=_copy, args=(source, sink, seen), daemon=True).start()


def _copy(source: socket.socket, sink: socket.socket, seen: list[str] | None) -> None:
    """Both directions share two sockets; each closes the side that it writes to."""
    with suppress(OSError):
        while data := source.recv(65536):
            if seen is not None:
                seen += [b" ".join(found).decode() for found in REQUEST.findall(data)]
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
    if seen is None:
        sink.close()
        source.close()
