"""Executing: the only loop, the only sleep, the only retry."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Iterator

from msgspec.structs import replace

from deployer.actions import Action, Plan, RunTask, Verify
from deployer.diagnose import Answer, Signs, failure
from deployer.errors import (
    AuthError,
    Conflict,
    DeadlineExceeded,
    RolloutFailed,
    Transient,
)
from deployer.events import Event, Finished, Output, Said, Started, Waiting
from deployer.hands import Cancel, Hands, Pace, attempts, patiently, telling
from deployer.model import Proof, Scope
from deployer.provider import Endpoint, Operation, Progress

__all__ = ["Cancel", "Hands", "Pace", "attempts", "execute", "patiently", "perform", "telling"]

SETTLED = frozenset({401, 403, 404, 405, 410})  # statuses that waiting does not change
SETTLED_AFTER = 10.0  # seconds of nothing but the same one of them
ENOUGH = 2  # good answers in a row that prove a revision from outside
EXPLAINING = 10.0  # seconds to collect evidence against faults of the provider


def execute(plan: Plan, hands: Hands) -> Iterator[Event]:
    """Carry out `plan`, saying what happens.

    Raises Conflict if the target is not as it was when the plan was made, and whatever an action
    raises; each action is complete, in flight, or not begun, and repeating the plan is harmless.
    """
    if plan.basis:
        now = yield from telling(
            attempts(lambda: hands.provider.observe(plan.scope), hands),
            lambda text: Said(text=text, scope=plan.scope, level="warning"),
        )
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
    operation = yield from telling(
        attempts(lambda: _begin(action, hands), hands),
        lambda text: Waiting(scope=scope, action=action, detail=text),
    )
    looks = _looks(action, hands, lambda: hands.provider.check(operation))
    said = ""
    for progress in looks:
        yield from (Output(scope=scope, line=line) for line in progress.output)
        if progress.detail and progress.detail != said and not progress.done:
            said = progress.detail
            yield Waiting(scope=scope, action=action, detail=said)
    yield Finished(scope=scope, action=action, seconds=hands.now() - began)


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
        progress = yield from _look(look, hands)
        yield progress
        if progress.done:
            return
        if hands.now() - began > _patience(action, hands):
            raise _too_late(action, hands)
        hands.wait(pause)
        pause = min(pause * hands.pace.factor, hands.pace.longest)


def _look(look: Callable[[], Progress], hands: Hands) -> Generator[Progress, None, Progress]:
    """One look that succeeded; those that did not are progress of a kind."""
    run = attempts(look, hands)
    while True:
        try:
            error = next(run)
        except StopIteration as done:
            found: Progress = done.value
            return found
        yield Progress(done=False, detail=f"trying again: {error.what}")


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
            progress = self._judge((yield from _look(self.look, self.hands)))
            yield progress
            if progress.done:
                return
            if self.proven_at is None and self.hands.now() - began > self._budget():
                raise self._never()
            self.hands.wait(pause)
            pause = min(pause * self.hands.pace.factor, self._longest())

    def _judge(self, progress: Progress) -> Progress:
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
        while self._asked_well(endpoint):
            if self.good >= ENOUGH:
                return True
            self.hands.wait(self.hands.pace.first)
        return False

    def _asked_well(self, endpoint: Endpoint) -> bool:
        self.hands.cancel.check()
        before, self.answer = self.answer, self.hands.ask(endpoint, self.action.spec.health)
        if self.answer.kind == "ok":
            self.good += 1
            return True
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
