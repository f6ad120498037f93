"""What is known about a revision that is not well, before anybody says what it means."""

from __future__ import annotations

from deployer.noun import Noun


class Answer(Noun, frozen=True):
    """What one request from outside met."""

    kind: str  # ok, status, refused, timeout, reset, dns, tls, other-release
    status: int = 0
    detail: str = ""


class Signs(Noun, frozen=True):
    """What is known about a revision that is not well."""

    state: str = ""  # the provider's own word: running, exited, restarting, …
    exit_code: int | None = None
    oom_killed: bool = False
    error: str = ""  # the engine's or the cloud's own message
    restarts: int = 0
    logs: tuple[str, ...] = ()
    health_log: tuple[str, ...] = ()
    listening: tuple[str, ...] = ()  # as 127.0.0.1:8000
    port: int | None = None
    path: str | None = None
    answer: Answer | None = None
