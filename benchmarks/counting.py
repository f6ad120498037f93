"""A socket in front of the engine's that counts the requests going through it."""

from __future__ import annotations

import re
import socket
import threading
from pathlib import Path

REQUEST = re.compile(rb"^([A-Z]+) (/[^ ]*) HTTP/1\.1\r\n")


class Counter:
    """Listens at `path`, passes everything on to `engine`, remembers method and path."""

    def __init__(self, path: Path, engine: str) -> None:
        self.requests: list[str] = []
        self._engine = engine
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(32)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(self._engine)
            for source, sink, ours in ((client, engine, True), (engine, client, False)):
                threading.Thread(target=self._pass, args=(source, sink, ours), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, ours: bool) -> None:
        try:
            while data := source.recv(65536):
                if ours and (found := REQUEST.match(data)):
                    self.requests.append(f"{found[1].decode()} {found[2].decode()}")
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return
