"""Unit tests use nothing: no sockets, no processes of ours to wait for, no sleeping."""

import socket
import time

import pytest


@pytest.fixture(autouse=True)
def nothing_but_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a unit test must not open a connection or sleep; use a fake")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(time, "sleep", refuse)
