"""What the executor works with: a provider, a clock, the brake, and patience with bad moments."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TypeVar

from deployer.diagnose import Answer
from deployer.errors import Interrupted, Transient
from deployer.events import Event
from deployer.model import Health
from deployer.provider import Endpoint, Provider

T = TypeVar("T")

PATIENCE = 300.0  # seconds of nothing but Transient after which we give up


class Cancel:
    """Set by the first Ctrl-C or SIGTERM: ends every wait, and lets no new change begin."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.signal = signal.SIGINT

    def set(self, number: int) -> None:
        """A signal came."""
        self.signal = signal.Signals(number)
        self._event.set()

    def is_set(self) -> bool:
        """Whether a signal has come."""
        return self._event.is_set()

    def wait(self, seconds: float) -> None:
        """Sleep, but not longer than until a signal comes."""
        self._event.wait(seconds)

    def check(self) -> None:
        """Raise Interrupted once a signal has come."""
        if self._event.is_set():
            raise Interrupted(
                self.signal,
                f"stopped by {self.signal.name}; nothing more is changed",
                fix="run the same command again: it goes on from here",
            )


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look and how long: seconds."""

    first: float = 0.1
    factor: float = 1.4
    longest: float = 3.0
    deadline: float = 900.0


def ask(endpoint: Endpoint, health: Health) -> Answer:
    """`probe`, imported when the first one is asked: a plan asks nobody."""
    from deployer.probe import probe

    return probe(endpoint, health)


@dataclass(frozen=True, slots=True)
class Hands:
    """What the executor works with. Tests replace the clock; nothing else is replaced."""

    provider: Provider
    may_change: Callable[[], None] = lambda: None  # raises once the lease is lost
    cancel: Cancel = field(default_factory=Cancel)
    pace: Pace = Pace()
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] | None = None
    ask: Callable[[Endpoint, Health], Answer] = ask

    def wait(self, seconds: float) -> None:
        """Sleep between two looks."""
        (self.sleep or self.cancel.wait)(seconds)


def attempts(attempt: Callable[[], T], hands: Hands) -> Generator[Transient, None, T]:
    """`attempt()`, repeated with growing pauses while it raises Transient; yields each of them.

    The last Transient is raised after `PATIENCE` seconds.
    """
    began, pause = hands.now(), hands.pace.first
    while True:
        hands.cancel.check()
        try:
            return attempt()
        except Transient as error:
            if hands.now() - began > min(PATIENCE, hands.pace.deadline):
                raise
            yield error
        hands.wait(pause * random.uniform(0.8, 1.2))  # noqa: S311  # jitter
        pause = min(pause * 2, 20.0)


def patiently(attempt: Callable[[], T], hands: Hands) -> T:
    """As `attempts`, where nobody needs to hear of the bad moments."""
    run = attempts(attempt, hands)
    while True:
        try:
            next(run)
        except StopIteration as done:
            found: T = done.value
            return found


def telling(
    run: Generator[Transient, None, T], tell: Callable[[str], Event]
) -> Generator[Event, None, T]:
    """As `attempts`, each new kind of bad moment told as an event."""
    said = ""
    while True:
        try:
            error = next(run)
        except StopIteration as done:
            found: T = done.value
            return found
        text = f"trying again: {error.what}" + (f" ({error.why})" if error.why else "")
        if text != said:
            said = text
            yield tell(text)
