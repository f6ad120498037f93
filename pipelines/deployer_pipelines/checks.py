"""Check and doctor: everything that can be known to be wrong before anything is changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from deployer.config.placements import Placement
from deployer.errors import DeployerError
from deployer.image.builder import choose
from deployer.image.context import read_context
from deployer.image.leaks import Finding, Severity
from deployer.image.lint import lint
from deployer.model import Build, Scope
from deployer.noun import Noun
from deployer.plan import check_stages, refuse_unsupported
from deployer.provider import Doctor
from deployer.secret import bystander
from deployer_pipelines.building import build_secrets
from deployer_pipelines.images import existing
from deployer_pipelines.plans import unbuilt
from deployer_pipelines.request import Bench, Request, bench

Level = Literal["ok", "warn", "error"]

_LEVELS: dict[Severity, Level] = {
    Severity.INFO: "ok",
    Severity.WARN: "warn",
    Severity.ERROR: "error",
}


class Check(Noun, frozen=True):
    """One thing looked at, and what was found."""

    name: str
    level: Level
    detail: str
    where: str | None = None
    fix: str | None = None
    scope: Scope | None = None


def check(request: Request, *, online: bool) -> tuple[Check, ...]:
    """Configuration, Dockerfile and context; with `online` also every place and its references."""
    with bench(request) as there:
        return tuple(_each(there, online))


def doctor(request: Request) -> tuple[Check, ...]:
    """The builder, and each target: who we are there and in which state it is."""
    with bench(request) as there:
        return (_builder(), *_targets(there))


def findings(placement: Placement, root: Path) -> list[Finding]:
    """What is wrong with the Dockerfile and the context of one service."""
    build = placement.build
    if build is None:
        return []
    context = read_context(root / build.context, Path(build.dockerfile))
    return lint(
        context,
        args=build.args,
        target=build.target,
        platform=build.platform,
        port=placement.port,
        protected=placement.protected,
    )


def _each(there: Bench, online: bool) -> Iterator[Check]:
    linted: set[str] = set()
    for placement in there.request.placements:
        if placement.scope.service not in linted:
            linted.add(placement.scope.service)
            yield from _source(there, placement)
        yield from _attempted("rollout", placement, lambda p: _expressible(there, p))
        if online:
            yield from _attempted("target", placement, lambda p: _reachable(there, p))
            yield from _attempted("references", placement, lambda p: _references(there, p))


def _source(there: Bench, placement: Placement) -> Iterator[Check]:
    try:
        found = findings(placement, there.request.root)
    except DeployerError as error:
        yield _failed("source", placement, error)
        return
    for each in found:
        yield Check(
            name=each.rule,
            level=_LEVELS[each.severity],
            detail=each.message,
            where=each.where,
            fix=each.fix,
            scope=placement.scope,
        )
    if not found:
        yield Check(name="source", level="ok", detail="Dockerfile and context are fine")


def _expressible(there: Bench, placement: Placement) -> str:
    """Offline: what is asked for is something that this provider does at all."""
    check_stages(placement.rollout.stages)
    provider = there.provider(placement)
    policy = there.policy(placement)
    refuse_unsupported(placement.spec(unbuilt(placement)), provider.capabilities, policy)
    return f"{placement.provider} can do what is asked for"


def _reachable(there: Bench, placement: Placement) -> str:
    identity = there.provider(placement).identify()
    return identity.detail or identity.account


def _references(there: Bench, placement: Placement) -> str:
    """Secrets, build secrets and a given image exist and can be read."""
    provider = there.provider(placement)
    build_secrets(placement.build or Build(), there.request.root)
    image = existing(there, placement, placement.image) if placement.image else None
    provider.pin(placement.spec(image or unbuilt(placement)))
    return "secrets and images that are referred to exist"


def _attempted(
    name: str, placement: Placement, look: Callable[[Placement], str]
) -> Iterator[Check]:
    try:
        yield Check(name=name, level="ok", detail=look(placement), scope=placement.scope)
    except DeployerError as error:
        yield _failed(name, placement, error)


def _failed(name: str, placement: Placement, error: DeployerError) -> Check:
    detail = error.what + (f" ({error.why})" if error.why else "")
    return Check(
        name=name,
        level="error",
        detail=detail,
        where=error.where,
        fix=error.fix,
        scope=placement.scope,
    )


def _builder() -> Check:
    try:
        found = choose(bystander(os.environ))
    except DeployerError as error:
        return Check(name="builder", level="error", detail=error.what, fix=error.fix)
    detail = f"{found.kind} {found.version} ({found.program})"
    return Check(name="builder", level="ok", detail=detail)


def _targets(there: Bench) -> Iterator[Check]:
    seen: set[int] = set()
    for placement in there.request.placements:
        try:
            provider = there.provider(placement)
            if id(provider) in seen:
                continue
            seen.add(id(provider))
            identity = provider.identify()
            yield Check(
                name="identity", level="ok", detail=identity.account, scope=placement.scope
            )
            facts = provider.examine() if isinstance(provider, Doctor) else {}
        except DeployerError as error:
            yield _failed("target", placement, error)
            continue
        for name, detail in facts.items():
            yield Check(name=name, level="ok", detail=detail, scope=placement.scope)
