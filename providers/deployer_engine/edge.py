"""The edge: one HAProxy container in front of a service's releases.

What it should do is written into the container before the running process is changed, so an
edge that comes back after a crash, an engine restart or a reboot does what was last asked.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import Any

from deployer.errors import Conflict, PreflightError, Transient, UnknownState
from deployer_engine import haproxy, runtime
from deployer_engine.client import Engine, Missing, translated
from deployer_engine.container import EdgeContainer, EdgeSpec
from deployer_engine.haproxy import CONTROL, FOLDER, Board, EdgeState, Slot
from deployer_engine.runtime import Activity, Live

__all__ = ["Activity", "Edge", "EdgeSpec", "EdgeState", "Slot"]

STARTED = 10.0  # seconds for a started edge to answer
RESOLVED = 2.0  # seconds for the engine's DNS to name the releases' addresses

# The official image has bash; its Alpine variant has nc.
_TALK = f"""talk() {{
  if command -v bash >/dev/null
  then bash -c 'exec 3<>/dev/tcp/127.0.0.1/{CONTROL}; cat >&3; cat <&3'
  else nc 127.0.0.1 {CONTROL}; fi
}}
"""
_ASK = _TALK + "printf '%s\\n' \"$1\" | talk"
# The configuration is checked, made durable and current in one step, then made to run.
_APPLY = (
    _TALK
    + f"""set -e; cd {FOLDER}
haproxy -c -q -f "$1/haproxy.cfg" >&2
sync "$1"/*; ln -sfn "$1" "next-$1"; mv -T "next-$1" current
talk <"$1/commands"
for old in g-*; do [ "$old" = "$1" ] || rm -rf "$old"; done"""
)


class Edge:
    """The edge that `spec` describes, on `engine`. Cheap to make; asks nothing until used."""

    def __init__(self, engine: Engine, spec: EdgeSpec) -> None:
        self._engine = engine
        self._spec = spec
        self._container = EdgeContainer(engine, spec)
        self._where = f"edge {spec.name}"

    @property
    def name(self) -> str:
        """The container's name."""
        return self._spec.name

    def ensure(self, first: EdgeState | None = None) -> EdgeState:
        """Make the edge run as specified, and return what it is asked to do.

        An edge that fits is left alone, a stopped one started, another one replaced with its
        state kept (in flight requests get ten seconds). `first` is the state of a new edge.
        Raises PortTaken, Conflict (a foreign container has the name), PreflightError (image).
        """
        self._container.ensure(first)
        state, board = self._container.desired()
        if runtime.differences(self._answering(), board, state.token):
            self.apply(state)  # whoever wrote it was killed before it ran
        self._await_addresses()
        return state

    def apply(self, state: EdgeState) -> None:
        """Write `state` down, then make it run; returns when it is read back as asked.

        Containers of new slots must run in the edge's network. Raises Missing (no edge),
        Conflict (it does not run), PreflightError (a slot's container is not there),
        UnknownState (written down, but what runs is something else).
        """
        _, before = self._container.desired()
        board = haproxy.placed(state.slots, before)
        orders = haproxy.commands(board, state.token, self._addresses(board, before))
        generation = f"g-{secrets.token_hex(6)}"
        written = haproxy.written(generation, state, before)
        written[f"{generation}/commands"] = f"{orders}; {runtime.READ_BACK}\n".encode()
        self._engine.put(self._spec.name, FOLDER, written)
        answer = self._script(_APPLY, generation)
        if differs := runtime.differences(runtime.live(answer), board, state.token):
            raise UnknownState(
                "the edge does not do what it was told",
                where=self._where,
                evidence=[*differs, *answer.splitlines()[:5]],
                fix=f"docker restart {self._spec.name}: it starts as it was last told",
            )

    def read(self) -> EdgeState | None:
        """What the edge is asked to do, whether it runs or not; None if there is no edge."""
        try:
            return self._container.desired()[0]
        except Missing:
            return None

    def activity(self) -> dict[str, runtime.Activity]:
        """What each release does right now, by the running process. Raises Missing."""
        return self.look()[1]

    def look(self) -> tuple[EdgeState, dict[str, runtime.Activity]]:
        """`read` and `activity` at once. Raises Missing."""
        state, board = self._container.desired()
        return state, runtime.activity(self._control(runtime.STATISTICS), board)

    def drained(self, release: str) -> bool:
        """Whether no request of `release` is under way or waiting. True if it has no slot."""
        now = self.activity().get(release)
        return now is None or now.sessions + now.queued == 0

    def published(self) -> tuple[str, int]:
        """The address and port that answer now. Raises Missing, Conflict (it does not run)."""
        bound = self._container.inspect()["NetworkSettings"]["Ports"].get(f"{haproxy.LISTEN}/tcp")
        if not bound:
            raise Conflict("the edge is not running", where=self._where)
        return bound[0]["HostIp"], int(bound[0]["HostPort"])

    def logs(self, lines: int = 50) -> list[str]:
        """The last lines that the edge logged: starts, warnings and failed requests."""
        with translated(self._where):
            text: bytes = self._engine.api.logs(self._spec.name, tail=lines)
        return text.decode(errors="replace").splitlines()

    def remove(self) -> None:
        """Remove the container, and the network if it is ours and empty. Never the volume."""
        self._container.remove()

    def _addresses(self, board: Board, before: Board) -> dict[str, str]:
        """IP by host of the running containers in the edge's network; those of new slots must
        be among them, because a port changes only together with an address."""
        with translated(self._where):
            running = self._engine.api.containers(filters={"network": self._spec.network})
        known = dict(_ips(running, self._spec.network))
        for slot, old in zip(board, before, strict=True):
            moved = slot and not (old and (old.host, old.port) == (slot.host, slot.port))
            if slot and moved and slot.host not in known:
                raise PreflightError(
                    f"container {slot.host} does not run in network {self._spec.network}",
                    where=self._where,
                    fix=f"docker logs {slot.host}",
                )
        return known

    def _answering(self) -> Live:
        """What runs, as soon as the runtime API answers. Raises Transient with the last logs."""
        deadline = time.monotonic() + STARTED
        while True:
            try:
                return runtime.live(self._control(runtime.READ_BACK))
            except (Conflict, Transient) as error:
                if time.monotonic() > deadline:
                    raise Transient(
                        "the edge does not start", where=self._where, evidence=self.logs(5)
                    ) from error
                time.sleep(0.1)

    def _await_addresses(self) -> None:
        """Wait until each release that should get requests has an address, at most two seconds:
        a release that is down is for the caller to see in `activity`, not our failure."""
        deadline = time.monotonic() + RESOLVED
        while any(a.weight and not a.up for a in self.activity().values()):
            if time.monotonic() > deadline:
                return
            time.sleep(0.05)

    def _control(self, question: str) -> str:
        return self._script(_ASK, question)

    def _script(self, script: str, argument: str) -> str:
        done = self._engine.run(self._spec.name, ["sh", "-c", script, "edge", argument])
        if done.code:
            why = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise Transient("the edge did not take a command", where=self._where, why=why)
        return done.stdout.decode(errors="replace")


def _ips(containers: list[dict[str, Any]], network: str) -> Iterator[tuple[str, str]]:
    for container in containers:
        joined = container["NetworkSettings"]["Networks"].get(network, {})
        for name in container["Names"]:
            if joined.get("IPAddress"):
                yield name.removeprefix("/"), joined["IPAddress"]
