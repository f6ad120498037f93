"""Making, routing, retiring and removing containers. Every step can be repeated."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from deployer.diagnose import Signs, failure
from deployer.errors import (
    Conflict,
    DeployerError,
    PreflightError,
    RolloutFailed,
    UnknownState,
)
from deployer.model import EngineImage, Spec
from deployer.noun import decode
from deployer.provider import Progress
from deployer_docker import requests, secretrefs, signs
from deployer_docker.observing import CANDIDATE, containers, inspected
from deployer_docker.place import RELEASE, SPEC, Place
from deployer_engine.client import Missing, translated
from deployer_engine.edge import EdgeState, Slot
from deployer_engine.networks import ensure_network

DEFAULT_GRACE = 10  # seconds: the engine's own, for containers without a StopTimeout
AGAIN = 3.0  # seconds for a container that ended at once to be started again by the engine
_RUNTIME = ("oci runtime", "runc create", "failed to create task", "failed to create shim")


class Revisions:
    """The containers of one scope."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._api: Any = place.engine.api

    def prepare(self, spec: Spec) -> None:
        """Have the edge and the network; a worker needs no edge."""
        if spec.port is not None:
            self._place.edge.ensure()
            self._place.published(anew=True)
        else:
            ensure_network(self._place.engine, self._place.network, self._place.labels)

    def create(self, release: str, spec: Spec) -> None:
        """Have a running container for `release`, in a slot of the edge without traffic."""
        name = self._found(release) or self._make(release, spec)
        container = inspected(self._place, name)
        if container is None:
            raise UnknownState(f"container {name} vanished", where=str(self._place.scope))
        if not container["State"]["Running"]:
            self._refill(release, spec)
            self._start(name, spec, release)
        if spec.port is not None:
            self._slot(release, spec.port)

    def shift(self, shares: Mapping[str, int]) -> None:
        """Move traffic. Who serves from now on comes back after a crash and after a reboot."""
        for release, share in shares.items():
            if share:
                self._settle(release)
        state = self._place.edge.read()
        if state is not None and state.slots:
            slots = tuple(_with(slot, shares.get(slot.release, 0)) for slot in state.slots)
            self._require(shares, {slot.release for slot in slots})
            self._place.edge.apply(EdgeState(slots, state.token))
        else:
            self._only(shares)

    def shifted(self, serving: set[str]) -> Progress:
        """One look at whether workers that no longer count have ended."""
        if self._place.edge.read() is not None:
            return Progress(done=True)
        running = (c for c in containers(self._place) if c["State"] == "running")
        late = [r for c in running if (r := c["Labels"][RELEASE]) not in serving]
        return Progress(done=not late, detail=f"{', '.join(late)} is ending")

    def leave(self, release: str) -> float:
        """Make sure that `release` gets no requests; gives the engine's time, from which the
        grace of those under way counts. `retired` does the rest, look by look."""
        state = self._place.edge.read()
        if state and (slot := state.slot(release)) and slot.share:
            raise Conflict(
                f"{release} still has traffic, so it is not stopped",
                where=str(self._place.scope),
                fix="run the same command again",
            )
        return self._place.engine.now()

    def retired(self, release: str, since: float) -> Progress:
        """One look at a revision that leaves: drained, then told to stop, then gone."""
        name = self._found(release)
        container = inspected(self._place, name) if name else None
        if name and container and container["State"]["Running"]:
            return Progress(done=False, detail=self._stopping(release, name, container, since))
        self._vacate(release)
        return Progress(done=True)

    def remove(self, release: str) -> None:
        """Delete the containers and secrets of `release`. Gone is fine."""
        self._vacate(release)
        for role in ("app", "task"):
            for container in containers(self._place, role):
                if container["Labels"][RELEASE] == release:
                    self._discard(str(container["Id"]))
                    self._forget_image(container)
        self._place.vault.remove(release)

    def destroy(self, *, records: bool) -> None:
        """Delete everything of the scope but data volumes; records only where asked."""
        for role in ("app", "task"):
            for container in containers(self._place, role):
                self._discard(str(container["Id"]))
                self._forget_image(container)
                self._place.vault.remove(container["Labels"][RELEASE])
        self._place.store.close()
        self._place.edge.remove()
        if records:
            with suppress(Missing), translated(f"volume {self._place.state_volume}"):
                self._api.remove_volume(self._place.state_volume, force=True)
        self._drop_network()

    def secrets(self, release: str, spec: Spec) -> dict[str, str]:
        """Have the release's secrets where they belong; returns those that go as variables."""
        if not spec.secrets:
            return {}
        if self._place.options.secrets_as == "env":
            found = secretrefs.values(spec.secrets, self._place.root)
            return {name: value.reveal() for name, value in found.items()}
        if not self._place.vault.intact(release):
            self._place.vault.put(release, secretrefs.values(spec.secrets, self._place.root))
        return {}

    def _found(self, release: str) -> str | None:
        mine = (c for c in containers(self._place) if c["Labels"][RELEASE] == release)
        return next((str(c["Names"][0]).removeprefix("/") for c in mine), None)

    def _make(self, release: str, spec: Spec) -> str:
        body = requests.application(self._place, release, spec, self.secrets(release, spec))
        name = self._place.container(release) + ("" if spec.port else CANDIDATE)
        self.create_container(name, body)
        return name

    def create_container(self, name: str, body: Any) -> None:
        """Create a container from a whole body; a name that is taken is ours from before."""
        with suppress(Conflict), translated(f"container {name}"):
            self._api.create_container_from_config(body, name)
        self._join(name)

    def _join(self, name: str) -> None:
        """The extra network of the options: only one can be given at creation (before 25.0)."""
        if extra := self._place.options.network:
            with suppress(Conflict), translated(f"network {extra}"):
                self._api.connect_container_to_network(name, extra)

    def _refill(self, release: str, spec: Spec) -> None:
        if self._place.options.secrets_as == "file":
            self.secrets(release, spec)

    def _start(self, name: str, spec: Spec, release: str) -> None:
        try:
            with translated(f"container {name}"):
                self._api.start(name)
        except DeployerError as error:
            text = (error.why or error.what).lower()
            if any(word in text for word in _RUNTIME):
                told = Signs(state="created", error=error.why or error.what, port=spec.port)
                raise failure(told, f"{self._place.scope}, release {release}") from error
            raise

    def _slot(self, release: str, port: int) -> None:
        state = self._place.edge.read()
        if state is None:
            raise UnknownState("the edge is gone", where=str(self._place.scope))
        name = self._place.container(release)
        wanted = Slot(release, name, port, weight=0)
        there = state.slot(release)
        if there is None or (there.host, there.port) != (name, port):
            there_still = {c["Labels"][RELEASE] for c in containers(self._place)} - {release}
            others = tuple(slot for slot in state.slots if slot.release in there_still)
            self._route(EdgeState((*others, wanted), state.token), release)

    def _route(self, state: EdgeState, release: str) -> None:
        """Tell the edge. A container that ended meanwhile has no address, and is what failed;
        one that is just starting again gets a moment."""
        until = time.monotonic() + AGAIN
        while True:
            try:
                self._place.edge.apply(state)
                return
            except PreflightError:
                container = inspected(self._place, self._place.container(release))
                if container and not container["State"]["Running"]:
                    raise self._failed(release) from None
                if time.monotonic() > until:
                    raise
            time.sleep(0.1)

    def _failed(self, release: str) -> RolloutFailed:
        where = f"{self._place.scope}, release {release}"
        return failure(signs.collect(self._place, release), where)

    def _settle(self, release: str) -> None:
        policy = {"Name": self._place.options.restart, "MaximumRetryCount": 0}
        name = self._found(release)
        if name is None:
            raise UnknownState(f"{release} is gone", where=str(self._place.scope))
        with translated(f"container {name}"):
            self._api.update_container(name, restart_policy=policy)

    def _require(self, shares: Mapping[str, int], routed: set[str]) -> None:
        lost = [release for release, share in shares.items() if share and release not in routed]
        if lost:
            raise UnknownState(
                f"the edge does not know {', '.join(lost)}", where=str(self._place.scope)
            )

    def _only(self, shares: Mapping[str, int]) -> None:
        """A worker's traffic is its name: the new one counts first, then the others stop."""
        self._refuse_web(shares)
        for release, share in shares.items():
            name = self._found(release)
            if share and name and name.endswith(CANDIDATE):
                with translated(f"container {name}"):
                    self._api.rename(name, name.removesuffix(CANDIDATE))
        for container in containers(self._place):
            release = container["Labels"][RELEASE]
            if not shares.get(release) and container["State"] == "running":
                self._place.stops.begin(str(container["Id"]))

    def _refuse_web(self, shares: Mapping[str, int]) -> None:
        for container in containers(self._place):
            labels = container["Labels"]
            if shares.get(labels[RELEASE]) and decode(labels[SPEC], Spec).port is not None:
                raise UnknownState(
                    "the edge that moves the traffic is gone",
                    where=str(self._place.scope),
                    why="somebody else removed it",
                    fix="run the same command again: it makes a new one",
                )

    def _stopping(self, release: str, name: str, container: dict[str, Any], since: float) -> str:
        grace = container["Config"].get("StopTimeout") or DEFAULT_GRACE
        if not self._drained(release) and self._place.engine.now() - since < grace:
            return "finishing requests"
        self._place.stops.begin(name)
        return f"stopping, at most {grace} s"

    def _drained(self, release: str) -> bool:
        try:
            return self._place.edge.drained(release)
        except (Missing, Conflict):
            return True  # no edge, no requests

    def _forget_image(self, container: dict[str, Any]) -> None:
        """Drop the image that was built for this release alone: an engine's disk is finite.

        One with another name was brought by somebody, and one that a container still uses stays.
        """
        if SPEC not in container["Labels"]:
            return  # a release command's: it runs the same image as its release
        scope, spec = self._place.scope, decode(container["Labels"][SPEC], Spec)
        ours, image = f"{scope.app}/{scope.service}", str(container["ImageID"])
        if not isinstance(spec.image, EngineImage) or spec.image.name != ours:
            return
        with suppress(Missing, Conflict), translated(f"image {image}"):
            tags = self._api.inspect_image(image)["RepoTags"] or [image]
            for tag in (t for t in tags if t == image or t.rpartition(":")[0] == ours):
                self._api.remove_image(tag)

    def _vacate(self, release: str) -> None:
        state = self._place.edge.read()
        if state and state.slot(release):
            rest = tuple(slot for slot in state.slots if slot.release != release)
            self._place.edge.apply(EdgeState(rest, state.token))

    def _discard(self, container: str) -> None:
        with suppress(Missing, Conflict), translated(f"container {container}"):
            self._api.remove_container(container, force=True, v=True)

    def _drop_network(self) -> None:
        with suppress(Missing, DeployerError), translated(f"network {self._place.network}"):
            self._api.remove_network(self._place.network)


def _with(slot: Slot, weight: int) -> Slot:
    return Slot(slot.release, slot.host, slot.port, weight=weight)
