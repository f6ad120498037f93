"""Names and tools of one scope on one engine: what belongs to it, and how it is reached."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from deployer.model import Scope
from deployer_docker.options import Options
from deployer_docker.stopping import Stops
from deployer_engine.client import Engine, endpoint
from deployer_engine.container import OFFICIAL_IMAGE
from deployer_engine.edge import Edge, EdgeSpec
from deployer_engine.store import VolumeStore
from deployer_engine.vault import Vault

SCOPE = "deployer.scope"
ROLE = "deployer.role"
RELEASE = "deployer.release"
FINGERPRINT = "deployer.fingerprint"
SPEC = "deployer.spec"
IMAGE_VARIABLE = "DEPLOYER_EDGE_IMAGE"


class Place:
    """One scope on one engine. Cheap to make; asks nothing until used."""

    def __init__(
        self, engine: Engine, scope: Scope, options: Options, root: Path = Path()
    ) -> None:
        self.root = root  # where `file:` references start
        self.engine = engine
        self.scope = scope
        self.options = options
        self._published: tuple[str, int] | None = None

    @property
    def labels(self) -> dict[str, str]:
        """What everything that deployer makes here carries."""
        scope = self.scope
        return {
            SCOPE: scope.name,
            "deployer.app": scope.app,
            "deployer.environment": scope.environment,
            "deployer.target": scope.target,
            "deployer.service": scope.service,
        }

    @property
    def network(self) -> str:
        """The network that the services of an app share in one environment."""
        return f"{self.scope.app}-{self.scope.environment}"

    @property
    def state_volume(self) -> str:
        """The volume that keeps records, lease and the fingerprint key."""
        return f"{self.scope.name}-state"

    @property
    def edge_image(self) -> str:
        """The image of the edge and of helpers: configured, ambient, or the official one."""
        return self.options.edge_image or os.environ.get(IMAGE_VARIABLE) or OFFICIAL_IMAGE

    def container(self, release: str) -> str:
        """The name of the container of `release`; also its host name in the network."""
        return f"{self.scope.name}-{release}"

    def task(self, release: str) -> str:
        """The name of the container that runs the release command of `release`."""
        return f"{self.scope.name}-{release}-task"

    def volume(self, name: str) -> str:
        """The engine's name of a volume that the configuration calls `name`."""
        return f"{self.scope.name}-data-{name}"

    @cached_property
    def edge(self) -> Edge:
        """The proxy in front of this scope."""
        address, _, port = (self.options.publish or "0").rpartition(":")
        spec = EdgeSpec(
            name=f"{self.scope.name}-edge",
            network=self.network,
            port=int(port),
            address=address.strip("[]") or "127.0.0.1",
            image=self.edge_image,
            volume=self.state_volume,
            labels={**self.labels, ROLE: "edge"},
        )
        return Edge(self.engine, spec)

    def published(self, *, anew: bool = False) -> tuple[str, int]:
        """The address and port of the edge, asked once a run and `anew` when it was made anew.

        Raises Missing, Conflict (it does not run).
        """
        if self._published is None or anew:
            self._published = self.edge.published()
        return self._published

    @cached_property
    def store(self) -> VolumeStore:
        """The records of this scope, in a volume of the engine."""
        labels = {**self.labels, ROLE: "helper"}
        return VolumeStore(
            self.engine,
            self.state_volume,
            image=self.edge_image,
            labels=labels,
            beside=f"{self.scope.name}-edge",
        )

    @cached_property
    def vault(self) -> Vault:
        """The secrets of this scope's releases, in memory of the engine's host."""
        labels = {**self.labels, ROLE: "vault"}
        return Vault(self.engine, self.scope.name, image=self.edge_image, labels=labels)

    @cached_property
    def stops(self) -> Stops:
        """Containers that are being stopped."""
        return Stops(self.engine)

    def url(self, address: str, port: int) -> str:
        """Where people ask: the configured URL, else the engine's host and the published port."""
        if self.options.url:
            return self.options.url.rstrip("/")
        host = urlsplit(endpoint(self.options.host, os.environ).host or "").hostname
        if address in ("0.0.0.0", "::"):  # noqa: S104  # compared with, not bound to
            address = host or "127.0.0.1"
        shown = f"[{address}]" if ":" in address else address
        return f"http://{shown}:{port}"
