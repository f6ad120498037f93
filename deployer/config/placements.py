"""What loading gives: an app, and each of its services on each of its targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deployer.config.document import Document
from deployer.config.schema import Promote
from deployer.model import (
    Build,
    Health,
    Image,
    Proof,
    ReleaseCommand,
    Resources,
    Rollout,
    Scale,
    Scope,
    SecretRef,
    Spec,
)
from deployer.noun import Noun
from deployer.quantity import Seconds


class EnvironmentRules(Noun, frozen=True):
    """What an environment asks of whoever deploys to it."""

    protected: bool = False
    targets: tuple[str, ...] = ()
    promote: Promote | None = None


class App(Noun, frozen=True):
    """A checked file. `services` stand in the order of `depends_on`."""

    name: str
    services: tuple[str, ...]
    environments: dict[str, EnvironmentRules]
    state: str | None
    root: Path
    file: Path
    document: Document


class Placement(Noun, frozen=True):
    """One service as it should run on one target. `image` is as written; None: it is built."""

    scope: Scope
    provider: str
    options: dict[str, Any]
    build: Build | None
    image: str | None
    port: int | None
    command: tuple[str, ...] | None
    env: dict[str, str]
    secrets: dict[str, SecretRef]
    health: Health
    verify: Proof
    resources: Resources
    scale: Scale
    volumes: dict[str, str]
    release: ReleaseCommand | None
    rollout: Rollout
    stop_grace: Seconds
    protected: bool
    depends_on: tuple[str, ...]

    def spec(self, image: Image, secrets: dict[str, SecretRef] | None = None) -> Spec:
        """What runs, once the image is known. `secrets`: the same ones, versions pinned."""
        return Spec(
            scope=self.scope,
            image=image,
            port=self.port,
            command=self.command,
            env=self.env,
            secrets=self.secrets if secrets is None else secrets,
            health=self.health,
            resources=self.resources,
            scale=self.scale,
            volumes=self.volumes,
            stop_grace=self.stop_grace,
            verify=self.verify,
            options=self.options,
        )
