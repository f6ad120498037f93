"""One look at whether a revision runs the right image, is healthy, and has its share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.actions import Verify
from deployer.diagnose import failure
from deployer.errors import RolloutFailed, UnknownState
from deployer.model import EngineImage, Proof, State, short
from deployer.provider import Endpoint, Progress
from deployer_docker import signs
from deployer_docker.observing import CANDIDATE, health_now, of_release, seconds
from deployer_docker.place import FINGERPRINT, Place
from deployer_engine.client import translated
from deployer_engine.haproxy import ANSWER_HEADER, PROBE_HEADER

RESTARTS = "restarts"
STEADY = 5.0  # seconds that a container without any health check must have stayed up


def begin(place: Place, action: Verify) -> dict[str, int]:
    """What `check` compares with: how often the container had been started again by now. Where it
    is not watched for a while, there is nothing to compare."""
    if action.stage == "candidate" or not action.hold:
        return {}
    return {RESTARTS: _container(place, action)["RestartCount"]}


def check(place: Place, action: Verify, began: Mapping[str, int]) -> Progress:
    """Done when the engine's part of the proof holds; the endpoint is for the outside's part.

    Raises RolloutFailed at the first definitive sign, UnknownState or Conflict where what is
    there is not what was made. A candidate may end once; what serves may not end at all.
    """
    container = _container(place, action)
    _same_image(place, action, container)
    state = health_now(place, container)
    if not container["State"]["Running"] and container["State"]["Status"] != "created":
        raise _failed(place, action)
    again = container["RestartCount"] > began.get(RESTARTS, container["RestartCount"])
    if action.stage == "serving" and again:
        raise _failed(place, action)
    if state is State.UNHEALTHY:
        raise _failed(place, action)
    if state is State.STARTING or state is State.CRASHED:
        return Progress(done=False, detail=f"{container['State']['Status']}, not healthy yet")
    if not _steady(place, action, container):
        return Progress(done=False, detail="running; watching whether it stays")
    if action.spec.port is None:
        waits = action.stage == "serving" and container["Name"].endswith(CANDIDATE)
        return Progress(done=not waits, detail="not in charge yet")
    return _through_the_edge(place, action)


def _steady(place: Place, action: Verify, container: dict[str, Any]) -> bool:
    """Nothing asks this container how it is, so that it stays up is all there is to see."""
    asked = container["State"].get("Health") or action.spec.proof is Proof.OUTSIDE
    return bool(asked) or place.engine.now() - seconds(container["State"]["StartedAt"]) > STEADY


def _container(place: Place, action: Verify) -> dict[str, Any]:
    container = of_release(place, action.release)
    if container is None:
        raise UnknownState(
            f"the container of {action.release} is gone",
            where=str(action.spec.scope),
            why="somebody else removed it",
            fix="deployer status, then run the same command again",
        )
    return container


def _same_image(place: Place, action: Verify, container: dict[str, Any]) -> None:
    image = action.spec.image
    if isinstance(image, EngineImage):
        runs = {container["Image"]}
    else:
        with translated(f"image {container['Image']}"):
            known = place.engine.api.inspect_image(container["Image"])
        runs = {container["Image"], *(d.partition("@")[2] for d in known["RepoDigests"] or [])}
    if image.digest not in runs:
        raise RolloutFailed(
            f"{action.release} runs another image than the one that was built",
            where=str(action.spec.scope),
            why=f"built {short(image.digest)}, runs {', '.join(map(short, sorted(runs)))}",
            fix="run the same command again",
        )
    if container["Config"]["Labels"][FINGERPRINT] != action.spec.fingerprint:
        raise UnknownState(
            f"{action.release} runs with another configuration than recorded",
            where=str(action.spec.scope),
            fix="ship again: deployer ship --force",
        )


def _through_the_edge(place: Place, action: Verify) -> Progress:
    """Whether the edge gives it its share; and where the outside is to ask."""
    state, now = place.edge.look()
    # A server that is down keeps showing its old weight, and gets nothing.
    up = {name: activity.weight for name, activity in now.items() if activity.up}
    if action.stage == "serving" and action.release not in up:
        return Progress(done=False, detail="the edge does not reach it yet")
    share = round(100 * up.get(action.release, 0) / (sum(up.values()) or 1))
    if action.stage == "serving" and share != action.weight:
        return Progress(done=False, detail=f"has {share} % of the traffic")
    return Progress(done=True, endpoint=_endpoint(place, action, state.token.reveal()))


def _endpoint(place: Place, action: Verify, token: str) -> Endpoint:
    whole = action.stage == "serving" and action.weight == 100
    return Endpoint(
        url=place.url(*place.published()),
        headers={PROBE_HEADER: token if whole else f"{token}/{action.release}"},
        answers=(ANSWER_HEADER, action.release),
    )


def _failed(place: Place, action: Verify) -> RolloutFailed:
    found = signs.collect(place, action.release)
    return failure(found, f"{action.spec.scope}, release {action.release}")
