"""What a command asks of the pipelines, and the providers that a run talks to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployer.adapters import connect
from deployer.config.placements import Placement
from deployer.errors import PreflightError
from deployer.execute import Cancel, Hands, Pace
from deployer.noun import encode
from deployer.plan import Policy
from deployer.provider import Keeper, Provider, Rooted
from deployer.releases.records import Origin
from deployer.releases.store import Store, open_store
from deployer.secret import Secret
from deployer_pipelines.job import Job


@dataclass(frozen=True, slots=True)
class Request:
    """One command over several placements."""

    placements: tuple[Placement, ...]
    root: Path  # the folder of deployer.yaml: paths in it are relative to this one
    origin: Origin
    cancel: Cancel
    pace: Pace = Pace()
    state: str | None = None  # URL of the store, where one is configured
    lock_wait: float = 90.0  # seconds
    fail_fast: bool = False
    wait: bool = True


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line says about the image."""

    image: str | None = None  # ship this one instead of building
    version: str | None = None  # tag to give it
    allow_dirty: bool = False


@dataclass(slots=True)
class Bench:
    """The providers of one run, one for each target, connected when first used."""

    request: Request
    _providers: dict[bytes, Provider] = field(default_factory=dict)

    def provider(self, placement: Placement) -> Provider:
        """The provider of `placement`'s target. Raises ConfigError for an unknown one."""
        key = encode([placement.provider, placement.options])
        if key not in self._providers:
            found = connect(placement.provider, placement.options)
            if isinstance(found, Rooted):
                found.root = self.request.root
            self._providers[key] = found
        return self._providers[key]

    def store(self, placement: Placement) -> Store:
        """Where the records of `placement` are kept."""
        if self.request.state:
            return open_store(self.request.state, placement.scope)
        provider = self.provider(placement)
        if isinstance(provider, Keeper):
            return provider.store(placement.scope)
        raise PreflightError(
            f"target {placement.scope.target} keeps no records itself",
            fix="set `state: file:///var/lib/deployer` in deployer.yaml",
        )

    def job(self, placement: Placement, basis: str | None = None) -> Job:
        """Everything to change `placement` with."""
        provider = self.provider(placement)
        request = self.request
        return Job(
            scope=placement.scope,
            hands=Hands(provider=provider, cancel=request.cancel, pace=request.pace),
            store=self.store(placement),
            policy=self.policy(placement),
            origin=request.origin,
            lock_wait=request.lock_wait,
            wait=request.wait,
            basis=basis,
        )

    def policy(self, placement: Placement) -> Policy:
        """What the planner is told of `placement`'s configuration."""
        return Policy(
            rollout=placement.rollout,
            release_command=placement.release,
            keep=self.provider(placement).keep,
        )

    def close(self) -> None:
        """Give back what providers hold: connections, helper containers."""
        for provider in self._providers.values():
            close: Any = getattr(provider, "close", None)
            if close:
                close()


def withhold(request: Request) -> None:
    """Register secrets that stand in our own environment, before any child process inherits it:
    `git` and the builder get it without them."""
    for placement in request.placements:
        build = placement.build.secrets if placement.build else {}
        given = build.values() if isinstance(build, dict) else build
        for ref in (*(secret.ref for secret in placement.secrets.values()), *given):
            name = ref.removeprefix("env:").removesuffix("?")
            if name in os.environ:
                Secret(os.environ[name])


@contextmanager
def bench(request: Request) -> Iterator[Bench]:
    """The providers of `request`, closed at the end whatever happens."""
    withhold(request)
    found = Bench(request)
    try:
        yield found
    finally:
        found.close()
