"""The edge's container: made, adopted, replaced without losing what it was asked to do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from deployer.errors import Conflict, PreflightError
from deployer_engine import haproxy
from deployer_engine.client import Engine, Missing, PortTaken, translated
from deployer_engine.haproxy import CURRENT, FOLDER, Board, EdgeState
from deployer_engine.networks import ensure_network

OFFICIAL_IMAGE = "haproxy:3.2"
STORE = "/store"  # where the volume of records is mounted, if there is one
OWNER = "deployer.edge"  # label: the edge's name
_SPEC = "deployer.edge.spec"  # label: fingerprint of what cannot change in place


@dataclass(frozen=True)
class EdgeSpec:
    """An edge's container. `name` is the container's and `network` is made where missing.

    `port` 0 lets the engine choose, anew at each start. `volume` is mounted at /store.
    """

    name: str
    network: str
    port: int
    address: str = "127.0.0.1"
    image: str = OFFICIAL_IMAGE
    volume: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


def image_id(engine: Engine, name: str) -> str:
    """The id of the edge's image, pulled where the engine lacks it. Raises PreflightError."""
    with translated(f"image {name}"):
        try:
            found = engine.api.inspect_image(name)
        except Exception as error:
            if getattr(error, "status_code", None) != 404:
                raise
            found = _pulled(engine, name)
    return str(found["Id"])


def _pulled(engine: Engine, name: str) -> dict[str, Any]:
    from docker.errors import APIError

    try:
        engine.sdk.images.pull(name)
        found: dict[str, Any] = engine.api.inspect_image(name)
    except APIError as error:
        raise PreflightError(
            f"the edge's image {name} is not on the engine and cannot be pulled",
            where=engine.name,
            why=str(error.explanation or error),
            fix="set `edge_image:` on the target, or DEPLOYER_EDGE_IMAGE, to one that the "
            "engine has; scripts/lib/edge-image builds one",
        ) from error
    return found


class EdgeContainer:
    """The container that `spec` describes. Only this class creates and removes it."""

    def __init__(self, engine: Engine, spec: EdgeSpec) -> None:
        self._engine = engine
        self._spec = spec
        self._where = f"edge {spec.name}"

    def ensure(self, first: EdgeState | None) -> None:
        """A running container that fits the specification. `first` is a new one's state."""
        self._network()
        image = self._image()
        found = self._recover()
        if found is None:
            self._create(first or EdgeState(), image)
        elif found["Config"]["Labels"].get(_SPEC) != self._fingerprint(image):
            self._replace(found, image)
        elif not found["State"]["Running"]:
            self._start(self._spec.name)

    def desired(self) -> tuple[EdgeState, Board]:
        """What is written in the container, running or not. Raises Missing, ConfigError."""
        found = self._engine.get(self._spec.name, f"{CURRENT}/haproxy.cfg")
        if not found:
            raise Conflict("the edge holds no configuration", where=self._where)
        return haproxy.parse(next(iter(found.values())).decode())

    def inspect(self) -> dict[str, Any]:
        """The engine's description of the container. Raises Missing."""
        with translated(self._where):
            found: dict[str, Any] = self._engine.api.inspect_container(self._spec.name)
        return found

    def remove(self) -> None:
        """Remove the container, and the network if it is ours and empty. Never the volume."""
        for name in (self._spec.name, self._next):
            self._discard(name)
        with suppress(Missing), translated(self._where):  # another service may be as fast
            for network in self._engine.sdk.networks.list(names=[f"^{self._spec.network}$"]):
                network.reload()
                if OWNER in (network.attrs["Labels"] or {}) and not network.attrs["Containers"]:
                    network.remove()

    @property
    def _next(self) -> str:
        return f"{self._spec.name}-next"

    def _network(self) -> None:
        labels = {**self._spec.labels, OWNER: self._spec.name}
        ensure_network(self._engine, self._spec.network, labels)

    def _image(self) -> str:
        return image_id(self._engine, self._spec.image)

    def _recover(self) -> dict[str, Any] | None:
        """The edge's container; a replacement that was cut short is finished or thrown away."""
        found, half = self._find(self._spec.name), self._find(self._next)
        if half and found:
            self._discard(self._next)
        elif half:
            self._rename(self._next)
            found = self._find(self._spec.name)
        if found and found["Config"]["Labels"].get(OWNER) != self._spec.name:
            raise Conflict(
                f"a container named {self._spec.name} exists and is not deployer's",
                where=self._where,
                fix=f"docker rename {self._spec.name} another-name",
            )
        return found

    def _create(self, state: EdgeState, image: str) -> None:
        self._make(self._spec.name, state, haproxy.EMPTY, image)
        try:
            self._start(self._spec.name)
        except PortTaken:
            self._discard(self._spec.name)
            raise

    def _replace(self, old: dict[str, Any], image: str) -> None:
        """Put a new container in the old one's place; the old one goes on if that fails.

        Only where both want the same port is there a moment without an edge.
        """
        state, board = self.desired()
        self._make(self._next, state, board, image)
        if old["HostConfig"]["PortBindings"] == self._bindings():
            self._stop(old["Id"])
        try:
            self._start(self._next)
        except PortTaken:
            self._discard(self._next)
            self._start(old["Id"])
            raise
        self._stop(old["Id"])
        self._discard(self._spec.name)
        self._rename(self._next)

    def _bindings(self) -> dict[str, list[dict[str, str]]]:
        wanted = {"HostIp": self._spec.address, "HostPort": str(self._spec.port or "")}
        return {f"{haproxy.LISTEN}/tcp": [wanted]}

    def _stop(self, name: str) -> None:
        with translated(self._where):
            self._engine.api.stop(name, timeout=10)

    def _make(self, name: str, state: EdgeState, before: Board, image: str) -> None:
        with translated(self._where):
            self._engine.api.create_container(
                image,
                ["-db", "-f", f"{CURRENT}/haproxy.cfg"],
                name=name,
                entrypoint=["haproxy"],
                user="65534:65534",
                ports=[haproxy.LISTEN],
                stop_signal="SIGUSR1",  # finish the requests under way, then end
                labels={
                    **self._spec.labels,
                    OWNER: self._spec.name,
                    _SPEC: self._fingerprint(image),
                },
                **self._surroundings(),
            )
        written = haproxy.written("g-0", state, before)
        inside = {f"{FOLDER[1:]}/{path}": content for path, content in written.items()}
        self._engine.put(name, "/", {**inside, CURRENT[1:]: Path("g-0")})

    def _surroundings(self) -> dict[str, Any]:
        """Ports, volume, network and limits, as the SDK wants them."""
        spec, api = self._spec, self._engine.api
        alias = api.create_endpoint_config(aliases=[haproxy.NOBODY])
        host = api.create_host_config(
            port_bindings={haproxy.LISTEN: (spec.address, spec.port or None)},
            restart_policy={"Name": "unless-stopped"},
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            binds=[f"{spec.volume}:{STORE}"] if spec.volume else [],
            log_config={"Type": "json-file", "Config": {"max-size": "5m", "max-file": "2"}},
        )
        network = api.create_networking_config({spec.network: alias})
        return {"host_config": host, "networking_config": network}

    def _fingerprint(self, image: str) -> str:
        """What a running container cannot change: a difference here means a new container."""
        spec = self._spec
        template = files(__package__).joinpath("haproxy.cfg").read_text()
        parts = (image, spec.address, spec.port, spec.network, spec.volume, template)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    def _start(self, name: str) -> None:
        try:
            with translated(self._where):
                self._engine.api.start(name)
        except PortTaken as error:
            raise self._taken(error) from error

    def _taken(self, error: PortTaken) -> PortTaken:
        spec = self._spec
        with translated(self._where):
            holders = self._engine.sdk.containers.list(filters={"publish": str(spec.port)})
        names = ", ".join(str(holder.name) for holder in holders)
        by = f"container {names}" if names else "another process on the engine's host"
        return PortTaken(
            f"port {spec.port} on {spec.address} is already in use by {by}",
            where=self._where,
            why=error.why,
            fix="set `publish:` to a free port" + (f", or docker stop {names}" if names else ""),
        )

    def _find(self, name: str) -> dict[str, Any] | None:
        try:
            with translated(self._where):
                found: dict[str, Any] = self._engine.api.inspect_container(name)
        except Missing:
            return None
        return found

    def _discard(self, name: str) -> None:
        found = self._find(name)
        if found and found["Config"]["Labels"].get(OWNER) == self._spec.name:
            with translated(self._where):
                self._engine.api.remove_container(found["Id"], force=True)

    def _rename(self, name: str) -> None:
        with translated(self._where):
            self._engine.api.rename(name, self._spec.name)
