"""Executing: the only loop, the only sleep, the only retry."""

from __future__ import annotations

import dataclasses
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from msgspec.structs import replace

from deployer.actions import Action, Plan, RunTask, Verify
from deployer.diagnose import Answer, Signs, failure
from deployer.errors import (
    AuthError,
    Conflict,
    DeadlineExceeded,
    Interrupted,
    RolloutFailed,
    Transient,
)
from deployer.events import Event, Finished, Output, Started, Waiting
from deployer.model import Health, Proof, Scope
from deployer.probe import probe
from deployer.provider import Endpoint, Operation, Progress, Provider

T = TypeVar("T")

SETTLED = frozenset({401, 403, 404, 405, 410})  # statuses that waiting does not change
SETTLED_AFTER = 10.0  # seconds of nothing but the same one of them
ENOUGH = 2  # good answers in a row that prove a revision from outside
EXPLAINING = 10.0  # seconds to collect evidence against faults of the provider
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


@dataclass(frozen=True, slots=True)
class Hands:
    """What the executor works with. Tests replace the clock; nothing else is replaced."""

    provider: Provider
    may_change: Callable[[], None] = lambda: None  # raises once the lease is lost
    cancel: Cancel = field(default_factory=Cancel)
    pace: Pace = Pace()
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] | None = None
    ask: Callable[[Endpoint, Health], Answer] = probe

    def wait(self, seconds: float) -> None:
        """Sleep between two looks."""
        (self.sleep or self.cancel.wait)(seconds)


def execute(plan: Plan, hands: Hands) -> Iterator[Event]:
    """Carry out `plan`, saying what happens.

    Raises Conflict if the target is not as it was when the plan was made, and whatever an action
    raises; each action is complete, in flight, or not begun, and repeating the plan is harmless.
    """
    if plan.basis:
        now = patiently(lambda: hands.provider.observe(plan.scope), hands)
        if now.fence != plan.basis:
            raise Conflict(
                f"{plan.scope} changed after the plan was made",
                fix="run the command again to plan anew",
            )
    for action in plan.actions:
        yield from perform(action, plan.scope, hands)


def perform(action: Action, scope: Scope, hands: Hands) -> Iterator[Event]:
    """One action: begin it, then look until it is done."""
    hands.cancel.check()
    if not isinstance(action, Verify):
        hands.may_change()
    began = hands.now()
    yield Started(scope=scope, action=action)
    operation = patiently(lambda: _begin(action, hands), hands)
    looks = _looks(action, hands, lambda: hands.provider.check(operation))
    said = ""
    for progress in looks:
        yield from (Output(scope=scope, line=line) for line in progress.output)
        if progress.detail and progress.detail != said and not progress.done:
            said = progress.detail
            yield Waiting(scope=scope, action=action, detail=said)
    yield Finished(scope=scope, action=action, seconds=hands.now() - began)


def patiently(attempt: Callable[[], T], hands: Hands) -> T:
    """`attempt()`, repeated with growing pauses while it raises Transient.

    The last Transient is raised after `PATIENCE` seconds.
    """
    began, pause = hands.now(), hands.pace.first
    while True:
        hands.cancel.check()
        try:
            return attempt()
        except Transient:
            if hands.now() - began > min(PATIENCE, hands.pace.deadline):
                raise
        hands.wait(pause * random.uniform(0.8, 1.2))  # noqa: S311  # jitter
        pause = min(pause * 2, 20.0)


def _begin(action: Action, hands: Hands) -> Operation:
    """Start `action`; asked anew at each attempt, for the lease may go while we are patient."""
    if not isinstance(action, Verify):
        hands.may_change()
    return hands.provider.start(action)


def _looks(action: Action, hands: Hands, look: Callable[[], Progress]) -> Iterator[Progress]:
    """Progress until done; for `Verify`, done also means proven from outside and held."""
    if isinstance(action, Verify):
        yield from _Proving(action, hands, look).looks()
        return
    began, pause = hands.now(), hands.pace.first
    while True:
        progress = patiently(look, hands)
        yield progress
        if progress.done:
            return
        if hands.now() - began > _patience(action, hands):
            raise _too_late(action, hands)
        hands.wait(pause)
        pause = min(pause * hands.pace.factor, hands.pace.longest)


class _Proving:
    """Looks at one revision until platform and outside agree that it is well, and stays so."""

    def __init__(self, action: Verify, hands: Hands, look: Callable[[], Progress]) -> None:
        self.action, self.hands, self.look = action, hands, look
        self.good = 0
        self.bad = 0
        self.answer: Answer | None = None
        self.proven_at: float | None = None
        self.same_since = hands.now()

    def looks(self) -> Iterator[Progress]:
        """One Progress a look; ends when proven and held. Raises RolloutFailed if it never is."""
        began, pause = self.hands.now(), self.hands.pace.first
        while True:
            progress = self._one()
            yield progress
            if progress.done:
                return
            if self.proven_at is None and self.hands.now() - began > self._budget():
                raise self._never()
            self.hands.wait(pause)
            pause = min(pause * self.hands.pace.factor, self._longest())

    def _one(self) -> Progress:
        progress = patiently(self.look, self.hands)
        if not (self._inside(progress) and self._outside(progress.endpoint)):
            return replace(progress, done=False, detail=self._detail(progress))
        now, self.bad = self.hands.now(), 0
        if self.proven_at is None:
            self.proven_at = now
        left = self.action.hold - (now - self.proven_at)
        text = f"healthy; watching for another {max(0, round(left))} s" if left > 0 else ""
        return replace(progress, done=left <= 0, detail=text)

    def _inside(self, progress: Progress) -> bool:
        if not progress.done:
            self.good = 0
            self._was_bad()
        return progress.done

    def _outside(self, endpoint: Endpoint | None) -> bool:
        if self.action.spec.proof is not Proof.OUTSIDE or endpoint is None:
            return True
        before, self.answer = self.answer, self.hands.ask(endpoint, self.action.spec.health)
        if self.answer.kind == "ok":
            self.good += 1
            return self.good >= ENOUGH
        self._settled(before, self.answer)
        self.good = 0
        self._was_bad()
        return False

    def _was_bad(self) -> None:
        """What was proven once may be unwell as often as its health check allows, not longer."""
        self.bad += 1
        if self.proven_at is not None and self.bad >= self.action.spec.health.retries:
            raise self._never()

    def _settled(self, before: Answer | None, answer: Answer) -> None:
        """Raise once an answer has stayed that no waiting heals, as 404 on the health path."""
        now = self.hands.now()
        if before is None or (before.kind, before.status) != (answer.kind, answer.status):
            self.same_since = now
        by_ours = answer.kind == "status" and answer.status in SETTLED
        if by_ours and now - self.same_since > SETTLED_AFTER:
            raise self._never()

    def _detail(self, progress: Progress) -> str:
        if progress.done and self.answer:
            return f"asking from outside: {self.answer.detail}"
        return progress.detail

    def _never(self) -> RolloutFailed:
        """What was never well, or no longer is, with everything known about why."""
        scope = self.action.spec.scope
        signs = self._signs()
        health = self.action.spec.health
        told = replace(signs, answer=self.answer or signs.answer, path=health.path)
        return failure(told, f"{scope}, release {self.action.release}")

    def _signs(self) -> Signs:
        """Why it is not well; that this cannot be had must not hide that it is not well."""
        pace = dataclasses.replace(self.hands.pace, deadline=EXPLAINING)
        hands = dataclasses.replace(self.hands, pace=pace)
        scope, release = self.action.spec.scope, self.action.release
        try:
            return patiently(lambda: hands.provider.explain(scope, release), hands)
        except (Transient, AuthError) as error:
            return Signs(error=f"its log could not be read: {error.what}")

    def _budget(self) -> float:
        return min(self.action.spec.health.budget, self.hands.pace.deadline)

    def _longest(self) -> float:
        if self.proven_at is None:
            return self.hands.pace.longest
        return min(self.action.spec.health.interval, self.hands.pace.longest)


def _patience(action: Action, hands: Hands) -> float:
    if isinstance(action, RunTask):
        return action.command.timeout + 30  # the adapter ends it at its timeout; this is the net
    return hands.pace.deadline


def _too_late(action: Action, hands: Hands) -> DeadlineExceeded:
    name = type(action).__name__
    return DeadlineExceeded(
        f"{name} is still not done after {_patience(action, hands):.0f} s",
        why="the provider accepted it and may still finish it",
        fix="deployer status shows how it goes on; run the same command again to follow it",
    )
