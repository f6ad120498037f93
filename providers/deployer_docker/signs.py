"""Everything the engine knows about a revision that is not well."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from deployer.diagnose import Signs
from deployer.errors import DeployerError
from deployer.model import Spec
from deployer.noun import decode
from deployer_docker.observing import containers, inspected
from deployer_docker.place import RELEASE, SPEC, Place
from deployer_engine.client import translated

LINES = 40
LISTEN = "0A"  # /proc/net/tcp: the state of a listening socket
_TABLES = ["/proc/net/tcp", "/proc/net/tcp6"]


def collect(place: Place, release: str) -> Signs:
    """The signs of `release`; empty ones if nothing is there."""
    found = (c for c in containers(place) if c["Labels"][RELEASE] == release)
    listed = next(found, None)
    container = inspected(place, str(listed["Id"])) if listed else None
    if container is None:
        return Signs(state="gone")
    state, spec = container["State"], decode(container["Config"]["Labels"][SPEC], Spec)
    return Signs(
        state=state["Status"],
        exit_code=state["ExitCode"] if state["Restarting"] or not state["Running"] else None,
        oom_killed=state["OOMKilled"],
        error=state["Error"] or _foreign(place, container),
        restarts=container["RestartCount"],
        logs=log_lines(place, container["Id"]),
        health_log=_health_log(state),
        listening=_listening(place, container) if state["Running"] else (),
        port=spec.port,
        path=spec.health.path,
    )


def log_lines(place: Place, container: str, tail: int = LINES) -> tuple[str, ...]:
    """The last lines that a container wrote, of both streams."""
    with translated(f"container {container[:12]}"):
        text: bytes = place.engine.api.logs(container, tail=tail)
    return tuple(text.decode(errors="replace").splitlines())


def parse_listening(table: str) -> tuple[str, ...]:
    """Listening addresses in a table as /proc/net/tcp has it (little-endian hexadecimal)."""
    rows = (line.split() for line in table.splitlines())
    found = (row[1] for row in rows if len(row) > 3 and row[3] == LISTEN)
    return tuple(dict.fromkeys(_address(text) for text in found))


def _address(text: str) -> str:
    raw, _, port = text.partition(":")
    if len(raw) == 8:
        octets = [str(int(raw[i : i + 2], 16)) for i in (6, 4, 2, 0)]
        return f"{'.'.join(octets)}:{int(port, 16)}"
    loopback = raw == "0" * 24 + "01000000"
    return f"{'[::1]' if loopback else '[::]'}:{int(port, 16)}"


def _health_log(state: dict[str, Any]) -> tuple[str, ...]:
    """What the last failed checks said; many a check (`test`, `pg_isready -q`) says nothing."""
    log = (state.get("Health") or {}).get("Log") or ()
    return tuple(_spoken(entry) for entry in log if entry["ExitCode"])[-3:]


def _spoken(entry: dict[str, Any]) -> str:
    said = re.sub(r"\s+", " ", entry["Output"]).strip()
    return said or f"exit code {entry['ExitCode']}, and no output"


def _foreign(place: Place, container: dict[str, Any]) -> str:
    """The words for a program that could not start on this processor; "" if it could. Docker's
    init hides them: it tries such a program as a script of a shell, which is not there either."""
    if container["State"]["ExitCode"] not in (126, 127):
        return ""
    with suppress(DeployerError), translated(f"image {container['Image']}"):
        image = place.engine.api.inspect_image(container["Image"])["Architecture"]
        here = place.engine.api.version()["Arch"]
        if image != here:
            return f"exec format error: the image is for {image}, the engine for {here}"
    return ""


def _listening(place: Place, container: dict[str, Any]) -> tuple[str, ...]:
    """Asked from a helper in the same network namespace: an image need not have a shell."""
    with suppress(DeployerError), translated(f"container {container['Name']}"):
        text: bytes = place.engine.sdk.containers.run(
            place.edge_image,
            _TABLES,
            entrypoint=["cat"],
            network_mode=f"container:{container['Id']}",
            labels=place.labels,
            remove=True,
        )
        # The engine's own name server listens in every namespace (127.0.0.11).
        found = parse_listening(text.decode(errors="replace"))
        return tuple(address for address in found if not address.startswith("127.0.0.11:"))
    return ()
