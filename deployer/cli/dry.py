"""What a rollback or a destroy would do: the plan of the same planner, looked at and not done."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from deployer.actions import Plan
from deployer.errors import DeployerError
from deployer.events import Event, Failed, Planned, describe
from deployer.execute import patiently
from deployer.model import Observed
from deployer.plan import plan_destroy, plan_rollback, previous_good
from deployer.releases.ledger import chain, find, good_releases
from deployer.releases.records import Entry
from deployer_pipelines.job import Job
from deployer_pipelines.request import Request, bench

Planner = Callable[[Job, Observed, tuple[Entry, ...]], Plan]


def rollback(request: Request, release: str | None) -> Iterator[Event]:
    """Planned for each scope, or Failed."""

    def planner(job: Job, there: Observed, history: tuple[Entry, ...]) -> Plan:
        wanted = release or previous_good(there.live, chain(history))
        spec = find(history, wanted).spec
        assert spec is not None
        return plan_rollback(spec, wanted, there, job.policy, good_releases(history))

    return _planned(request, planner)


def destroy(request: Request, *, records: bool) -> Iterator[Event]:
    """Planned for each scope, or Failed."""
    return _planned(request, lambda job, there, history: plan_destroy(there))


def _planned(request: Request, planner: Planner) -> Iterator[Event]:
    with bench(request) as there:
        for placement in request.placements:
            try:
                yield Planned(plan=_one(there.job(placement), planner))
            except DeployerError as error:
                yield Failed(scope=placement.scope, problem=describe(error))


def _one(job: Job, planner: Planner) -> Plan:
    before = patiently(lambda: job.hands.provider.observe(job.scope), job.hands)
    return planner(job, before, patiently(job.ledger.history, job.hands))
