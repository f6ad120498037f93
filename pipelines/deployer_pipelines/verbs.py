"""What each verb wants of one scope, as planners for `roll_out`."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from msgspec.structs import replace

from deployer.actions import Destroy, Plan
from deployer.errors import DeployerError
from deployer.events import Event, Failed, Report, describe
from deployer.execute import perform
from deployer.model import Observed, Spec
from deployer.outcome import GOOD, Outcome, exit_code
from deployer.plan import (
    Policy,
    is_unchanged,
    plan_destroy,
    plan_rollback,
    plan_ship,
    previous_good,
)
from deployer.releases.ids import new_id
from deployer.releases.ledger import chain, find, good_releases, unfinished
from deployer.releases.records import Entry, Intent
from deployer_pipelines.job import Job
from deployer_pipelines.rollout import Clock, Planner, roll_out


def ship(job: Job, spec: Spec, *, force: bool = False) -> Iterator[Event]:
    """Make `spec` live. An unfinished attempt at the same is adopted; `force` ships it anew."""
    return roll_out(job, "ship", shipping(job, spec, force=force))


def rollback(job: Job, release: str | None) -> Iterator[Event]:
    """Make `release` live as it was, or the good one before what serves now."""
    return roll_out(job, "rollback", returning(job, release))


def destroy(job: Job, *, records: bool = False) -> Iterator[Event]:
    """Delete everything of this scope; its records too if `records`, once they say how it ended
    and the lease, which lies beside them, is given back."""
    for event in roll_out(job, "destroy", destroying(job)):
        if records and isinstance(event, Report) and event.outcome in GOOD:
            event = yield from _forgotten(job, event)
        yield event


def shipping(job: Job, spec: Spec, *, force: bool = False) -> Planner:
    """What `ship` wants."""

    def planner(there: Observed, history: tuple[Entry, ...], now: Clock) -> tuple[str, Plan]:
        started = unfinished(history, "ship")
        good = frozenset[str]() if force else good_releases(history)
        if started and _same(started, spec, job.policy):
            release = started.release
        elif there.live and is_unchanged(spec, there, good):
            release = there.live.release  # nothing is made, so nothing is named
        else:
            release = _new_id(history, now)
        provider = job.hands.provider
        return release, plan_ship(spec, release, there, provider.capabilities, job.policy, good)

    return planner


def returning(job: Job, release: str | None) -> Planner:
    """What `rollback` wants. An unfinished rollback is finished first: looking anew at what
    serves would go one further."""

    def planner(there: Observed, history: tuple[Entry, ...], now: Clock) -> tuple[str, Plan]:
        started = unfinished(history, "rollback")
        if started and release not in (None, started.release):
            started = None
        known = release or (started.release if started else None)
        wanted = known or previous_good(there.live, chain(history))
        spec, good = find(history, wanted).spec, good_releases(history)
        assert spec is not None
        if started:  # what it has moved already is still to be proven, tidied and recorded
            return started.id, plan_rollback(spec, wanted, there, job.policy, good - {wanted})
        return _new_id(history, now), plan_rollback(spec, wanted, there, job.policy, good)

    return planner


def destroying(job: Job) -> Planner:
    """What `destroy` wants."""
    return lambda there, history, now: (_new_id(history, now), plan_destroy(there))


def _forgotten(job: Job, ended: Report) -> Generator[Event, None, Report]:
    try:
        yield from perform(Destroy(scope=job.scope, records=True), job.scope, job.hands)
    except DeployerError as error:
        problem, outcome = describe(error), Outcome.UNKNOWN
        yield Failed(scope=job.scope, problem=problem)
        code = exit_code(outcome, error.exit_code)
        return replace(ended, outcome=outcome, exit_code=code, problem=problem)
    return ended


def _same(started: Intent, spec: Spec, policy: Policy) -> bool:
    """Whether a killed run was about this very thing; another release command makes it another:
    the one of a release runs once."""
    return (
        started.spec is not None
        and started.spec.fingerprint == spec.fingerprint
        and started.release_command == policy.release_command
    )


def _new_id(history: tuple[Entry, ...], now: Clock) -> str:
    return new_id(now(), history[-1].intent.id if history else None)
