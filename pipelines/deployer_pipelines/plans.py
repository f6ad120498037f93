"""Plan: the same way as ship up to the first change, and then nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from deployer.actions import CreateRevision, Ensure, Plan, RunTask, Verify
from deployer.config.placements import Placement
from deployer.errors import Conflict, DeployerError
from deployer.events import Event, Failed, Planned, Said, describe
from deployer.execute import patiently
from deployer.model import EngineImage, Image, Observed, RegistryImage, Scope
from deployer.noun import Noun
from deployer.plan import plan_ship
from deployer.releases.ledger import good_releases
from deployer_pipelines import verbs
from deployer_pipelines.job import Job
from deployer_pipelines.request import Bench, Request, Wish, bench
from deployer_pipelines.rollout import Planner

UNBUILT = "sha256:" + "0" * 64  # stands for a digest that only a build can tell
LATER = "release"  # stands for an id that only a ship can tell


class StoredPlan(Noun, frozen=True):
    """Plans as `plan -o FILE` keeps them, for `ship --plan FILE`."""

    made_at: float
    plans: tuple[Plan, ...]
    schema_version: int = 1

    def basis(self, scope: Scope) -> str:
        """The fence that `scope` had. Raises Conflict if it was not planned."""
        for plan in self.plans:
            if plan.scope == scope:
                return plan.basis
        raise Conflict(f"{scope} is not in the stored plan", fix="deployer plan -o FILE")


def plan(
    request: Request,
    *,
    image: str | None = None,
    version: str | None = None,
    offline: bool = False,
) -> Iterator[Event]:
    """What a ship would do, as Planned events. Nothing is built, pushed or changed.

    `offline`: without looking at any place, as if nothing were there yet.
    """
    wish = Wish(image=image, version=version)
    if offline:
        for placement in request.placements:
            yield Planned(plan=_offline(placement, wish))
        return
    with bench(request) as there:
        for placement in request.placements:
            try:
                yield from _one(there, placement, wish)
            except DeployerError as error:
                yield Failed(scope=placement.scope, problem=describe(error))


def rollback(request: Request, release: str | None) -> Iterator[Event]:
    """What a rollback would do."""
    return _dry(request, lambda job: verbs.returning(job, release))


def destroy(request: Request) -> Iterator[Event]:
    """What a destroy would do."""
    return _dry(request, verbs.destroying)


def _dry(request: Request, wanted: Callable[[Job], Planner]) -> Iterator[Event]:
    """The plans of the same planners that do it for real: Planned for each scope, or Failed."""
    with bench(request) as there:
        for placement in request.placements:
            try:
                yield Planned(plan=_looked(there.job(placement), wanted))
            except DeployerError as error:
                yield Failed(scope=placement.scope, problem=describe(error))


def _looked(job: Job, wanted: Callable[[Job], Planner]) -> Plan:
    before = patiently(lambda: job.hands.provider.observe(job.scope), job.hands)
    history = patiently(job.ledger.history, job.hands)
    return wanted(job)(before, history, job.store.now)[1]


def _one(there: Bench, placement: Placement, wish: Wish) -> Iterator[Event]:
    from deployer_pipelines.images import known  # builders and registries: not for --offline

    job = there.job(placement)
    found = known(there, placement, wish)
    spec = placement.spec(found or unbuilt(placement))
    spec = there.provider(placement).pin(spec) if found else spec
    before = patiently(lambda: job.hands.provider.observe(job.scope), job.hands)
    good = good_releases(job.ledger.history())
    capabilities = job.hands.provider.capabilities
    if found is None:
        yield Said(
            text="the image is built by ship, so its digest is not known yet; "
            "if nothing changed, ship changes nothing",
            scope=job.scope,
        )
    yield Planned(plan=plan_ship(spec, LATER, before, capabilities, job.policy, good))


def _offline(placement: Placement, wish: Wish) -> Plan:
    spec = placement.spec(unbuilt(placement, wish.image))
    nothing = Observed(scope=placement.scope)
    create: tuple[Ensure | RunTask | CreateRevision | Verify, ...] = (Ensure(spec=spec),)
    if placement.release:
        create += (RunTask(release=LATER, spec=spec, command=placement.release),)
    create += (
        CreateRevision(release=LATER, spec=spec),
        Verify(release=LATER, spec=spec, stage="serving"),
    )
    return Plan(
        scope=placement.scope, release=LATER, spec=spec, basis=nothing.fence, actions=create
    )


def unbuilt(placement: Placement, reference: str | None = None) -> Image:
    """An image whose digest is not known yet."""
    name = reference or placement.image or f"{placement.scope.app}/{placement.scope.service}"
    image: Image = EngineImage(name=name, digest=UNBUILT)
    if placement.options.get("registry"):
        image = RegistryImage(repository=name, digest=UNBUILT)
    return image
