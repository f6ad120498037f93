"""Ship: look before building, build once, then roll out everywhere side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from msgspec import structs

from deployer.config.placements import Placement
from deployer.errors import DeployerError
from deployer.events import Event, Failed, Report, Said, describe
from deployer.execute import Hands, patiently
from deployer.image.git import git_facts
from deployer.model import Image, SecretRef, Spec
from deployer.outcome import GOOD, Outcome, exit_code
from deployer_pipelines import verbs
from deployer_pipelines.images import resolve_images
from deployer_pipelines.plans import StoredPlan, unbuilt
from deployer_pipelines.reports import early
from deployer_pipelines.request import Bench, Request, Wish, bench, withhold
from deployer_pipelines.together import side_by_side


def ship(
    request: Request,
    *,
    image: str | None = None,
    version: str | None = None,
    allow_dirty: bool = False,
    force: bool = False,
    stored: StoredPlan | None = None,
) -> Iterator[Event]:
    """Make the current state of the source serve on every placement.

    Ends with one Report for each. What fails before any rollout (credentials, configuration, the
    build) fails for all of them.
    """
    wish = Wish(image=image, version=version, allow_dirty=allow_dirty)
    with bench(from_commit(request)) as there:
        try:
            yield from preflight(there)
            images = yield from resolve_images(there, wish)
        except DeployerError as error:
            yield from _all_failed(there, request.placements, error)
            return
        yield from _in_order(there, images, force, stored)


def from_commit(request: Request) -> Request:
    """`request` whose records will name the commit that it ships."""
    withhold(request)
    facts = git_facts(request.root)
    if facts is None:
        return request
    origin = structs.replace(
        request.origin, commit=facts.commit, dirty=facts.dirty, branch=facts.branch or None
    )
    return dataclasses.replace(request, origin=origin)


def preflight(there: Bench) -> Iterator[Event]:
    """Before anything is built: every place answers, is the expected one, and has our secrets."""
    for placement in there.request.placements:
        provider = there.provider(placement)
        hands = Hands(provider=provider, cancel=there.request.cancel, pace=there.request.pace)
        identity = patiently(provider.identify, hands)
        yield Said(text=f"{placement.scope}: {identity.detail or identity.account}")
        if placement.secrets:
            pinned(there, placement, unbuilt(placement))


def _in_order(
    there: Bench, images: dict[str, Image], force: bool, stored: StoredPlan | None
) -> Iterator[Event]:
    """Services in the order of `depends_on`; those of one rank side by side."""
    failed: set[str] = set()
    for rank in ranks(there.request.placements):
        ready = [p for p in rank if not failed & _needs(p)]
        for placement in (p for p in rank if p not in ready):
            yield _not_started(placement, failed)
        runs = [_one(there, p, images[str(p.scope)], force, stored) for p in ready]
        for event in side_by_side(runs, there.request.cancel):
            if isinstance(event, Report) and event.outcome not in GOOD:
                failed.add(_place(event.scope.target, event.scope.service))
            yield event
        if failed and there.request.fail_fast:
            failed |= {_place(p.scope.target, p.scope.service) for p in there.request.placements}


def _one(
    there: Bench, placement: Placement, image: Image, force: bool, stored: StoredPlan | None
) -> Iterator[Event]:
    try:
        spec = pinned(there, placement, image)
        basis = stored.basis(placement.scope) if stored else None
        run = verbs.ship(there.job(placement, basis), spec, force=force)
    except DeployerError as error:
        yield from _all_failed(there, (placement,), error)
        return
    yield from run


def pinned(there: Bench, placement: Placement, image: Image) -> Spec:
    """What is to run, with each secret's version decided."""
    provider = there.provider(placement)
    hands = Hands(provider=provider, cancel=there.request.cancel, pace=there.request.pace)
    wanted: dict[str, SecretRef] = placement.secrets
    return patiently(lambda: provider.pin(placement.spec(image, wanted)), hands)


def ranks(placements: Sequence[Placement]) -> Iterator[list[Placement]]:
    """Placements in groups: each needs only services of groups before it."""
    left = list(placements)
    while left:
        names = {_place(p.scope.target, p.scope.service) for p in left}
        free = [p for p in left if not names & _needs(p)] or left
        yield free
        left = [p for p in left if p not in free]


def _needs(placement: Placement) -> set[str]:
    return {_place(placement.scope.target, name) for name in placement.depends_on}


def _place(target: str, service: str) -> str:
    return f"{target}/{service}"


def _all_failed(
    there: Bench, placements: Sequence[Placement], error: DeployerError
) -> Iterator[Event]:
    """It failed before any rollout: for each placement that, and what serves there."""
    for placement in placements:
        yield Failed(scope=placement.scope, problem=describe(error))
        try:
            yield early(there.job(placement), error)
        except DeployerError:  # the place itself is the problem: nothing can be said of it
            outcome, code = Outcome.FAILED_NOTHING_CHANGED, error.exit_code
            yield Report(
                scope=placement.scope,
                outcome=outcome,
                exit_code=exit_code(outcome, code),
                problem=describe(error),
            )


def _not_started(placement: Placement, failed: set[str]) -> Report:
    outcome = Outcome.FAILED_NOTHING_CHANGED
    why = DeployerError(
        f"{placement.scope.service} was not started",
        why=f"what it needs failed: {', '.join(sorted(failed & _needs(placement)) or failed)}",
        fix="mend that first, then run the same command again",
    )
    problem = describe(why)
    return Report(
        scope=placement.scope, outcome=outcome, exit_code=exit_code(outcome, 3), problem=problem
    )
