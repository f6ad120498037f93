"""A provider that keeps its services in memory, or in one file. It behaves; it does not mock.

An image's tag decides how its revisions behave, so that every story can be told without a cloud:
`crash` ends at once, `sick` never gets healthy, `fails` ends its release command with status 1,
`turns` is well until it gets all traffic. Any other tag is well.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta
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
from deployer.diagnose import Signs, failure
from deployer.errors import ReleaseCommandFailed, UnknownState
from deployer.model import (
    Capability,
    Identity,
    Image,
    Observed,
    RegistryImage,
    Revision,
    Scope,
    Spec,
    State,
)
from deployer.noun import Noun, decode, encode
from deployer.provider import Destination, Operation, Progress
from deployer.registry.login import Logins, StaticLogins
from deployer.releases.store import FolderStore, MemoryStore, Store


class Options(Noun, frozen=True):
    """The keys of a memory target."""

    world: Annotated[
        str | None, Meta(description="file that keeps everything, so that processes share it")
    ] = None
    polls: Annotated[int, Meta(description="how often an operation says not yet")] = 1


class World(Noun, frozen=True):
    """Everything that exists at this provider."""

    scopes: dict[str, Observed] = {}
    tasks: dict[str, int] = {}  # how often each release command ran
    ready: tuple[str, ...] = ()  # scopes that were prepared
    looks: dict[str, int] = {}  # how often an unfinished operation was looked at
    changes: int = 0  # mutations that had an effect


class Memory:
    """The provider. `polls` is how often an operation says "not yet"."""

    capabilities = frozenset(Capability)
    keep = 2

    def __init__(self, world: Path | None = None, polls: int = 1) -> None:
        self._path = world
        self._world = World()
        self._polls = polls
        self._store: Store = FolderStore(world.parent / "state") if world else MemoryStore()

    @property
    def world(self) -> World:
        """What exists now."""
        if self._path and self._path.exists():
            self._world = decode(self._path.read_bytes(), World)
        return self._world

    def identify(self) -> Identity:
        """See Provider."""
        return Identity(provider="memory", account="memory")

    def destination(self, scope: Scope) -> Destination:
        """See Provider."""
        return Destination(repository=f"memory.invalid/{scope.name}")

    def logins(self) -> Logins:
        """See Provider."""
        return StaticLogins({})

    def pin(self, spec: Spec) -> Spec:
        """See Provider."""
        pinned = {k: replace(v, version="1", fingerprint=v.ref) for k, v in spec.secrets.items()}
        return replace(spec, secrets=pinned)

    def observe(self, scope: Scope) -> Observed:
        """See Provider."""
        seen = self.world.scopes.get(scope.name, Observed(scope=scope))
        facts = [(r.release, r.weight, r.state) for r in seen.revisions]
        fence = hashlib.sha256(repr(facts).encode()).hexdigest()[:12]
        return replace(seen, fence=fence)

    def start(self, action: Action) -> Operation:
        """See Provider."""
        match action:
            case Ensure(spec=spec):
                self._save(ready=tuple({*self.world.ready, spec.scope.name}))
            case RunTask(release=release):
                self._run_once(release)
            case CreateRevision(release=release, spec=spec):
                self._create(release, spec)
            case ShiftTraffic(scope=scope, weights=weights):
                shares = {w.release: w.percent for w in weights}
                self._each(scope, lambda r: replace(r, weight=shares.get(r.release, 0)))
            case Retire(scope=scope, release=release):
                self._each(scope, lambda r: _stopped(r) if r.release == release else r)
            case Remove(scope=scope, release=release):
                self._put(scope, (r for r in self._at(scope) if r.release != release))
            case Destroy(scope=scope):
                self._destroy(scope)
        return Operation(action=action)

    def check(self, operation: Operation) -> Progress:
        """See Provider."""
        key = hashlib.sha256(encode(operation.action)).hexdigest()[:12]
        looks = self.world.looks.get(key, 0)
        if looks < self._polls:
            self._save(looks={**self.world.looks, key: looks + 1})
            return Progress(done=False, detail="starting")
        match operation.action:
            case RunTask(release=release, spec=spec):
                return self._task_ended(release, spec)
            case Verify() as action:
                return self._verify(action)
        return Progress(done=True)

    def explain(self, scope: Scope, release: str) -> Signs:
        """See Provider."""
        revision = self.observe(scope).find(release)
        code = 1 if revision and revision.state is State.CRASHED else None
        state = revision.state if revision else "gone"
        return Signs(state=state, exit_code=code, logs=(f"{release} says: boom",))

    def resolve(self, reference: str) -> Image | None:
        """See Resolver: every reference is an image here."""
        repository, _, tag = reference.rpartition(":")
        digest = "sha256:" + hashlib.sha256(reference.encode()).hexdigest()
        return RegistryImage(repository=repository, digest=digest, tag=tag)

    def built(self, key: str) -> Image | None:
        """See Resolver."""
        return None

    def logs(
        self, scope: Scope, *, release: str | None, since: float | None, follow: bool, limit: int
    ) -> Iterator[str]:
        """See Logs."""
        live = self.observe(scope).live
        yield f"{release or (live.release if live else 'nothing')} says hello"

    def store(self, scope: Scope) -> Store:
        """See Keeper."""
        return self._store

    def _verify(self, action: Verify) -> Progress:
        where = f"{action.spec.scope}, release {action.release}"
        revision = self.observe(action.spec.scope).find(action.release)
        if revision is None:
            raise UnknownState(f"{action.release} is gone", where=where)
        if revision.image.digest != action.spec.image.digest:
            raise UnknownState(f"{action.release} runs another image", where=where)
        turned = revision.image.tag == "turns" and revision.weight == 100
        if revision.state is State.CRASHED or turned:
            raise failure(self.explain(action.spec.scope, action.release), where)
        weight = action.weight if action.stage == "serving" else revision.weight
        healthy = revision.state is State.HEALTHY and revision.weight == weight
        return Progress(done=healthy, detail=str(revision.state))

    def _task_ended(self, release: str, spec: Spec) -> Progress:
        if spec.image.tag == "fails":
            raise ReleaseCommandFailed("the release command ended with status 1", where=release)
        return Progress(done=True, output=("migrated",))

    def _run_once(self, release: str) -> None:
        if release not in self.world.tasks:
            self._save(tasks={**self.world.tasks, release: 1})

    def _create(self, release: str, spec: Spec) -> None:
        there = self.observe(spec.scope).find(release)
        made = Revision(
            release=release,
            image=spec.image,
            fingerprint=spec.fingerprint,
            weight=there.weight if there else 0,
            state=_BEHAVIOUR.get(spec.image.tag or "", State.HEALTHY),
            created=there.created if there else time.time(),
            spec=spec,
        )
        if made != there:
            others = (r for r in self._at(spec.scope) if r.release != release)
            self._put(spec.scope, (*others, made))

    def _at(self, scope: Scope) -> tuple[Revision, ...]:
        return self.observe(scope).revisions

    def _each(self, scope: Scope, change: Any) -> None:
        self._put(scope, (change(r) for r in self._at(scope)))

    def _put(self, scope: Scope, revisions: Any) -> None:
        seen = Observed(
            scope=scope, revisions=tuple(revisions), url=f"https://{scope.name}.invalid"
        )
        if self.world.scopes.get(scope.name) != seen:
            self._save(scopes={**self.world.scopes, scope.name: seen})

    def _destroy(self, scope: Scope) -> None:
        left = {k: v for k, v in self.world.scopes.items() if k != scope.name}
        ready = tuple(name for name in self.world.ready if name != scope.name)
        self._save(scopes=left, ready=ready)

    def _save(self, **changes: Any) -> None:
        count = self.world.changes + ("looks" not in changes)
        self._world = replace(self.world, **changes, changes=count)
        if self._path:
            draft = self._path.with_suffix(".draft")
            draft.write_bytes(encode(self._world))
            draft.replace(self._path)


_BEHAVIOUR = {"crash": State.CRASHED, "sick": State.UNHEALTHY}


def connect(options: Mapping[str, Any]) -> Memory:
    """The entry point. `world`: a file to keep everything in, so that processes share it."""
    world = options.get("world")
    return Memory(Path(world) if world else None, int(options.get("polls", 1)))


def _stopped(revision: Revision) -> Revision:
    return replace(revision, state=State.STOPPED, weight=0)
