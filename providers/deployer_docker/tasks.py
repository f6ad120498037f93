"""The release command: a container of its own, whose name makes it run at most once."""

from __future__ import annotations

from typing import Any

from deployer.actions import RunTask
from deployer.errors import ReleaseCommandFailed, UnknownState
from deployer.model import ReleaseCommand, Spec
from deployer.provider import Progress
from deployer_docker import requests
from deployer_docker.observing import inspected, seconds
from deployer_docker.place import Place
from deployer_docker.revisions import Revisions
from deployer_docker.signs import log_lines
from deployer_engine.client import translated

ALL = 2000  # lines of a release command's output that are shown


def start(place: Place, release: str, spec: Spec, command: ReleaseCommand) -> None:
    """Run the command unless it ran, or runs, already for this release."""
    name, revisions = place.task(release), Revisions(place)
    found = inspected(place, name)
    if found is None:
        secrets = revisions.secrets(release, spec)
        body = requests.task(place, release, spec, command.command, secrets)
        revisions.create_container(name, body)
        found = inspected(place, name)
    if found and found["State"]["Status"] == "created" and not seconds_run(found):
        with translated(f"container {name}"):
            place.engine.api.start(name)


def check(place: Place, action: RunTask) -> Progress:
    """One look: its output so far, and how it ended. Raises ReleaseCommandFailed."""
    name = place.task(action.release)
    container = inspected(place, name)
    if container is None:
        raise UnknownState(
            "the container of the release command is gone",
            where=name,
            why="somebody else removed it, so it cannot be said whether the command succeeded",
            fix="look at what it should have done (the migration), then run this again",
        )
    state, lines = container["State"], log_lines(place, name, ALL)
    if state["Status"] in ("created", "running"):
        _not_too_long(place, action, container, lines)
        return Progress(done=False, detail=lines[-1] if lines else "running")
    if state["ExitCode"]:
        raise _failed(action, name, f"it ended with exit code {state['ExitCode']}", lines)
    return Progress(done=True, output=lines)


def seconds_run(container: dict[str, Any]) -> float:
    """When it started, in seconds since 1970; 0 if it never did."""
    return seconds(container["State"]["StartedAt"])


def _not_too_long(
    place: Place, action: RunTask, container: dict[str, Any], lines: tuple[str, ...]
) -> None:
    began = seconds_run(container)
    if began and place.engine.now() - began > action.command.timeout:
        with translated(f"container {container['Name']}"):
            place.engine.api.kill(container["Id"])
        why = f"it ran longer than {action.command.timeout} and was ended"
        raise _failed(action, place.task(action.release), why, lines)


def _failed(action: RunTask, name: str, why: str, lines: tuple[str, ...]) -> ReleaseCommandFailed:
    return ReleaseCommandFailed(
        f"the release command failed: {' '.join(action.command.command)}",
        where=f"{action.spec.scope}, container {name}",
        why=why,
        evidence=lines[-20:],
        fix="mend the command; nothing was routed, but what it did to a database stays",
    )
