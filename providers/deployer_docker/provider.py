"""The port for one Docker engine: each method looks or begins, none of them waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from deployer.actions import (
    Action,
    CreateRevision,
    Destroy,
    Ensure,
    Remove,
    Retire,
    RunTask,
    ShiftTraffic,
    Verify,
)
from deployer.diagnose import Signs
from deployer.model import Capability, Identity, Image, Observed, RegistryImage, Scope, Spec
from deployer.provider import Destination, Operation, Progress
from deployer.registry.login import DockerConfigLogins, Logins
from deployer.releases.store import Store
from deployer_docker import logs, secretrefs, signs, tasks, verifying
from deployer_docker.images import Images
from deployer_docker.observing import observe
from deployer_docker.options import Options
from deployer_docker.place import Place
from deployer_docker.revisions import Revisions
from deployer_engine.client import Engine, connect, translated


class DockerProvider:
    """One engine, as the options of one target name it."""

    capabilities = frozenset(Capability) - {Capability.SCALE}

    def __init__(self, options: Options) -> None:
        self.options = options
        self.root = Path()  # where `file:` references start
        self._places: dict[str, Place] = {}

    @property
    def keep(self) -> int:
        """See Provider."""
        return self.options.keep

    @cached_property
    def engine(self) -> Engine:
        """The connection; made at the first use."""
        return connect(self.options.host)

    @cached_property
    def images(self) -> Images:
        """What is pulled, and what is there."""
        return Images(self.engine, self.logins())

    def identify(self) -> Identity:
        """See Provider."""
        with translated(self.engine.name):
            found = self.engine.api.info()
        detail = f"Docker {found['ServerVersion']} on {found['OperatingSystem']}"
        return Identity(provider="docker", account=str(found["Name"]), detail=detail)

    def destination(self, scope: Scope) -> Destination:
        """See Provider."""
        if self.options.registry:
            repository = f"{self.options.registry.rstrip('/')}/{scope.app}/{scope.service}"
            return Destination(repository=repository)
        return Destination(engine=self.options.host)

    def logins(self) -> Logins:
        """See Provider."""
        return DockerConfigLogins()

    def pin(self, spec: Spec) -> Spec:
        """See Provider."""
        store = self._place(spec.scope).store
        return replace(spec, secrets=secretrefs.pinned(spec.secrets, store, self.root))

    def observe(self, scope: Scope) -> Observed:
        """See Provider."""
        return observe(self._place(scope))

    def start(self, action: Action) -> Operation:
        """See Provider."""
        scope = action.spec.scope if hasattr(action, "spec") else action.scope
        place = self._place(scope)
        match action:
            case Ensure(spec=spec):
                self._ensure(place, spec)
            case RunTask(release=release, spec=spec, command=command):
                tasks.start(place, release, spec, command)
            case CreateRevision(release=release, spec=spec):
                self.images.require(spec.image)
                Revisions(place).create(release, spec)
            case ShiftTraffic(weights=weights):
                Revisions(place).shift({w.release: w.percent for w in weights})
            case Retire(release=release):
                at = Revisions(place).leave(release)
                return Operation(action=action, data={"since": at})
            case Remove(release=release):
                Revisions(place).remove(release)
            case Destroy(records=records):
                Revisions(place).destroy(records=records)
            case Verify():
                return Operation(action=action, data=verifying.begin(place, action))
        return Operation(action=action)

    def check(self, operation: Operation) -> Progress:
        """See Provider."""
        match operation.action:
            case Ensure(spec=spec):
                return self.images.progress(spec.image)
            case RunTask() as action:
                return tasks.check(self._place(action.spec.scope), action)
            case Verify() as action:
                return verifying.check(self._place(action.spec.scope), action, operation.data)
            case Retire(scope=scope, release=release):
                since = operation.data["since"]
                return Revisions(self._place(scope)).retired(release, since)
            case ShiftTraffic(scope=scope, weights=weights):
                serving = {w.release for w in weights if w.percent}
                return Revisions(self._place(scope)).shifted(serving)
        return Progress(done=True)

    def explain(self, scope: Scope, release: str) -> Signs:
        """See Provider."""
        return signs.collect(self._place(scope), release)

    def logs(
        self, scope: Scope, *, release: str | None, since: float | None, follow: bool, limit: int
    ) -> Iterator[str]:
        """See Logs."""
        live = self.observe(scope).live
        name = release or (live.release if live else None)
        return logs.lines(self._place(scope), name, since=since, follow=follow, limit=limit)

    def resolve(self, reference: str) -> Image | None:
        """See Resolver."""
        return self.images.resolve(reference)

    def built(self, key: str) -> Image | None:
        """See Resolver."""
        return self.images.built(key)

    def store(self, scope: Scope) -> Store:
        """See Keeper."""
        return self._place(scope).store

    def examine(self) -> Mapping[str, str]:
        """See Doctor."""
        with translated(self.engine.name):
            found: dict[str, Any] = self.engine.api.info()
        return {
            "engine": f"Docker {found['ServerVersion']} at {self.engine.name}",
            "host": f"{found['OperatingSystem']}, {found['NCPU']} cores",
            "restarts": "containers come back after a reboot if the engine starts with the host",
        }

    def close(self) -> None:
        """Remove helper containers and give connections back."""
        for place in self._places.values():
            place.store.close()

    def _place(self, scope: Scope) -> Place:
        if scope.name not in self._places:
            self._places[scope.name] = Place(self.engine, scope, self.options, self.root)
        return self._places[scope.name]

    def _ensure(self, place: Place, spec: Spec) -> None:
        if isinstance(spec.image, RegistryImage):
            self.images.pull(spec.image)
        Revisions(place).prepare(spec)
