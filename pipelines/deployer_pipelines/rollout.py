"""Change one scope and prove it, or put it back and say so: the policy behind every verb."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from deployer.actions import Plan, ShiftTraffic
from deployer.errors import (
    AuthError,
    Busy,
    Conflict,
    DeployerError,
    Interrupted,
    RolloutFailed,
    Superseded,
    Transient,
    UnknownState,
)
from deployer.events import Event, Failed, Planned, Report, Said, describe
from deployer.execute import Cancel, Hands, attempts, execute, patiently, telling
from deployer.model import Observed
from deployer.outcome import Outcome, exit_code
from deployer.plan import plan_restore
from deployer.releases.ledger import good_releases
from deployer.releases.records import Conclusion, Entry, Intent, Kind, Record
from deployer_pipelines.job import Job, Trail, lease
from deployer_pipelines.reports import early, report

T = TypeVar("T")
Clock = Callable[[], float]
Planner = Callable[[Observed, tuple[Entry, ...], Clock], tuple[str, Plan]]
"""From what is there, the history and the time to an id and a plan: all that verbs differ in."""

LOST_CONTACT = (Interrupted, Transient, UnknownState, Busy, Conflict, AuthError)
"""Errors that say nothing about the new revision: never a reason to roll back."""
LAST_WORDS = 2.0  # seconds to record how it ended, once a signal has come


def roll_out(job: Job, kind: Kind, planner: Planner) -> Iterator[Event]:
    """Bring one scope to what `planner` wants. Ends with one Report, whatever happens.

    Where nothing has to change, it only proves what serves. Otherwise: hold the lease, plan anew
    under it, write the intent, act, prove, write the conclusion.
    """
    began = job.hands.now()
    yield Said(text="looking at what serves", scope=job.scope)
    try:
        ended = yield from _settled(job, planner)
        if ended is None:
            held = yield from lease(job, f"{kind} of {job.scope}")
            try:
                hands = dataclasses.replace(job.hands, may_change=held.check)
                ended = yield from _change(job, hands, kind, planner)
            finally:
                held.give_back()
    except DeployerError as error:
        yield Failed(scope=job.scope, problem=describe(error))
        ended = early(job, error)
    yield replace(ended, seconds=job.hands.now() - began)


def _settled(job: Job, planner: Planner) -> Generator[Event, None, Report | None]:
    """The report if what is wanted serves already, proven by looking; None if it does not."""
    trail, _, _ = yield from _plan(job, planner)
    return (yield from _proven(job, trail)) if trail.plan.changes_nothing else None


def _proven(job: Job, trail: Trail) -> Generator[Event, None, Report]:
    """What is wanted serves: prove it, change and record nothing."""
    yield Planned(plan=trail.plan)
    try:
        # Looked at a moment ago, and nothing is going to be changed: no fence is needed.
        yield from trail.follow(execute(replace(trail.plan, basis=""), job.hands))
    except DeployerError as error:
        yield Failed(scope=job.scope, problem=describe(error))
        return report(job, trail, Outcome.FAILED_NOTHING_CHANGED, error)
    return report(job, trail, Outcome.UNCHANGED, now=trail.before)


def _change(
    job: Job, hands: Hands, kind: Kind, planner: Planner
) -> Generator[Event, None, Report]:
    trail, name, history = yield from _plan(job, planner)
    if job.basis is not None and job.basis != trail.plan.basis:
        raise Conflict("the stored plan is stale: the target changed", fix="deployer plan -o FILE")
    if trail.plan.changes_nothing:  # another run was faster, with the same
        return (yield from _proven(job, trail))
    yield Planned(plan=trail.plan)
    _intend(job, kind, name, trail, history)
    try:
        yield from trail.follow(execute(_as_far(job, trail.plan), hands))
    except DeployerError as error:
        if not trail.tidying:
            yield Failed(scope=job.scope, problem=describe(error))
            return (yield from _failed(job, hands, name, trail, history, error))
        yield _leftovers(job, error)
    if _as_far(job, trail.plan) != trail.plan:
        return report(job, trail, Outcome.UNKNOWN)  # not concluded: the next ship adopts it
    return _conclude(job, name, trail, Outcome.SUCCEEDED)


def _failed(
    job: Job,
    hands: Hands,
    name: str,
    trail: Trail,
    history: tuple[Entry, ...],
    error: DeployerError,
) -> Generator[Event, None, Report]:
    """Put back what was there, unless we know too little, or a person wants to look."""
    if isinstance(error, LOST_CONTACT):
        return report(job, trail, _lost(trail, error), error)
    if trail.destroying or (job.policy.rollout.on_failure == "stop" and trail.moved):
        return _conclude(job, name, trail, Outcome.UNKNOWN, error)
    back = plan_restore(trail.plan.release, trail.before, trail.moved, good_releases(history))
    try:
        yield Planned(plan=back)
        yield from execute(back, hands)
    except Interrupted as stopped:
        return report(job, trail, Outcome.UNKNOWN, stopped)
    except DeployerError as second:
        yield Failed(scope=job.scope, problem=describe(second))
        return _conclude(job, name, trail, Outcome.FAILED_ROLLBACK_FAILED, _both(error, second))
    returned = any(isinstance(a, ShiftTraffic) and a.weights for a in back.actions)
    outcome = Outcome.FAILED_ROLLED_BACK if returned else Outcome.FAILED_NOTHING_CHANGED
    return _conclude(job, name, trail, outcome, error)


def _plan(
    job: Job, planner: Planner
) -> Generator[Event, None, tuple[Trail, str, tuple[Entry, ...]]]:
    before = yield from _patient(job, lambda: job.hands.provider.observe(job.scope))
    history = yield from _patient(job, job.ledger.history)
    name, plan = planner(before, history, job.store.now)
    trail = Trail(before=before, plan=plan)
    ours = before.find(plan.release)
    if ours and ours.weight and not plan.changes_nothing:
        # A run that was killed had moved traffic already: what served before it is in its intent.
        trail.before = _as_it_was(before, history, name)
        trail.began.append(ShiftTraffic)
    return trail, name, history


def _patient(job: Job, look: Callable[[], T]) -> Generator[Event, None, T]:
    """`look()`, told while it fails in a way that may pass."""
    tell = partial(Said, scope=job.scope, level="warning")
    return (yield from telling(attempts(look, job.hands), lambda text: tell(text=text)))


def _as_far(job: Job, plan: Plan) -> Plan:
    """The plan, or without waiting its part up to where all traffic is told to move."""
    if job.wait:
        return plan
    shifts = [i for i, action in enumerate(plan.actions) if isinstance(action, ShiftTraffic)]
    return replace(plan, actions=plan.actions[: shifts[-1] + 1] if shifts else plan.actions)


def _as_it_was(now: Observed, history: tuple[Entry, ...], name: str) -> Observed:
    started = next((e.intent for e in history if e.intent.id == name), None)
    if started is None or started.previous is None or now.find(started.previous) is None:
        return now
    shares = (replace(r, weight=100 * (r.release == started.previous)) for r in now.revisions)
    return replace(now, revisions=tuple(shares))


def _intend(job: Job, kind: Kind, name: str, trail: Trail, history: tuple[Entry, ...]) -> None:
    if any(entry.intent.id == name for entry in history):
        return  # adopted: the intent of the run that was killed is ours
    plan = trail.plan
    intent = Intent(
        id=name,
        kind=kind,
        release=plan.release,
        scope=job.scope,
        at=job.store.now(),
        spec=plan.spec,
        rollout=job.policy.rollout,
        release_command=job.policy.release_command,
        previous=plan.previous,
        origin=job.origin,
    )
    patiently(lambda: job.ledger.append(intent), job.hands)


def _conclude(
    job: Job, name: str, trail: Trail, outcome: Outcome, error: DeployerError | None = None
) -> Report:
    ended = report(job, trail, outcome, error)
    conclusion = Conclusion(
        id=name,
        release=trail.plan.release,
        outcome=outcome,
        at=job.store.now(),
        proof=ended.proof,
        serving=ended.serving,
        image=ended.image,
        task_ran=trail.task_ran,
        reason=error.what if error else None,
    )
    try:
        _write_down(job, conclusion)
    except DeployerError as lost:
        return _unrecorded(ended, lost)
    return ended


def _write_down(job: Job, record: Record) -> None:
    """Write a conclusion; a signal shortens the patience, but what happened is still told."""
    try:
        patiently(lambda: job.ledger.append(record), job.hands)
    except Interrupted:
        pace = dataclasses.replace(job.hands.pace, deadline=LAST_WORDS)
        hands = dataclasses.replace(job.hands, cancel=Cancel(), pace=pace)
        patiently(lambda: job.ledger.append(record), hands)


def _unrecorded(ended: Report, lost: DeployerError) -> Report:
    """A success that nobody will know of is none: the same command proves and records it."""
    if ended.outcome is not Outcome.SUCCEEDED:
        return ended
    problem = describe(lost)
    text = f"it is done and proven, but could not be recorded: {problem.what}"
    outcome, again = Outcome.UNKNOWN, "run the same command again: it proves and records it"
    return replace(
        ended,
        outcome=outcome,
        exit_code=exit_code(outcome, lost.exit_code),
        problem=replace(problem, what=text, fix=again),
    )


def _both(error: DeployerError, second: DeployerError) -> DeployerError:
    """What failed, and why the way back failed as well: a person needs to know both."""
    return RolloutFailed(
        f"{error.what}, and the rollback failed: {second.what}",
        where=second.where or error.where,
        why=second.why or error.why,
        evidence=(*error.evidence, *second.evidence),
        fix=second.fix or error.fix,
    )


def _lost(trail: Trail, error: DeployerError) -> Outcome:
    if not trail.touched:
        return Outcome.FAILED_NOTHING_CHANGED
    return Outcome.SUPERSEDED if isinstance(error, Superseded) else Outcome.UNKNOWN


def _leftovers(job: Job, error: DeployerError) -> Said:
    text = f"the new release serves, but something old could not be removed: {error.what}"
    return Said(text=text, level="warning", scope=job.scope)
