"""What each verb wants of one scope, as planners for `roll_out`."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.actions import Destroy, Plan
from deployer.events import Event, Report
from deployer.execute import perform
from deployer.model import Observed, Spec
from deployer.outcome import GOOD
from deployer.plan import plan_destroy, plan_rollback, plan_ship, previous_good
from deployer.releases.ids import new_id
from deployer.releases.ledger import chain, find, good_releases, unfinished
from deployer.releases.records import Entry
from deployer_pipelines.job import Job
from deployer_pipelines.rollout import roll_out


def ship(job: Job, spec: Spec, *, force: bool = False) -> Iterator[Event]:
    """Make `spec` live. An unfinished attempt at the same is adopted; `force` ships it anew."""

    def planner(there: Observed, history: tuple[Entry, ...], now: float) -> tuple[str, Plan]:
        started = unfinished(history, spec.fingerprint)
        release = started.release if started else _new_id(history, now)
        good = frozenset[str]() if force else good_releases(history)
        provider = job.hands.provider
        return release, plan_ship(spec, release, there, provider.capabilities, job.policy, good)

    return roll_out(job, "ship", planner)


def rollback(job: Job, release: str | None) -> Iterator[Event]:
    """Make `release` live as it was, or the good one before what serves now."""

    def planner(there: Observed, history: tuple[Entry, ...], now: float) -> tuple[str, Plan]:
        wanted = release or previous_good(there.live, chain(history))
        intent = find(history, wanted)
        assert intent.spec is not None
        good = good_releases(history)
        return _new_id(history, now), plan_rollback(intent.spec, wanted, there, job.policy, good)

    return roll_out(job, "rollback", planner)


def destroy(job: Job, *, records: bool = False) -> Iterator[Event]:
    """Delete everything of this scope; its records too if `records`, once they say how it ended
    and the lease, which lies beside them, is given back."""

    def planner(there: Observed, history: tuple[Entry, ...], now: float) -> tuple[str, Plan]:
        return _new_id(history, now), plan_destroy(there)

    for event in roll_out(job, "destroy", planner):
        if records and isinstance(event, Report) and event.outcome in GOOD:
            yield from perform(Destroy(scope=job.scope, records=True), job.scope, job.hands)
        yield event


def _new_id(history: tuple[Entry, ...], now: float) -> str:
    return new_id(now, history[-1].intent.id if history else None)
