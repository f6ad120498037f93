"""What a scope looks like on the engine: containers by label, traffic by the edge's own file."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from deployer.errors import Conflict
from deployer.model import EngineImage, Image, Observed, Revision, Spec, State
from deployer.noun import decode
from deployer_docker.place import FINGERPRINT, RELEASE, ROLE, SCOPE, SPEC, Place
from deployer_engine.client import Missing, translated
from deployer_engine.edge import EdgeState

CANDIDATE = "-next"  # a worker that does not count yet has this at the end of its name


def observe(place: Place) -> Observed:
    """Every revision of the scope, with its weight and state."""
    found = [inspected(place, str(c["Id"])) for c in containers(place)]
    state = place.edge.read()
    url = _url(place, state)
    revisions = tuple(_revision(place, c, state, url) for c in found if c is not None)
    ids = [str(c["Id"])[:12] for c in found if c is not None]
    facts = sorted((r.release, r.weight, i) for r, i in zip(revisions, ids, strict=True))
    return Observed(
        scope=place.scope,
        revisions=tuple(sorted(revisions, key=lambda r: r.created)),
        url=url,
        fence=hashlib.sha256(repr(facts).encode()).hexdigest()[:16],
    )


def containers(place: Place, role: str = "app") -> list[dict[str, Any]]:
    """The scope's containers of one role, running or not."""
    labels = [f"{SCOPE}={place.scope.name}", f"{ROLE}={role}"]
    with translated(place.engine.name):
        found: list[dict[str, Any]] = place.engine.api.containers(
            all=True, filters={"label": labels}
        )
    return found


def of_release(place: Place, release: str) -> dict[str, Any] | None:
    """The whole description of the container of `release`, or None if there is none."""
    name = place.container(release)
    return inspected(place, name) or inspected(place, name + CANDIDATE)


def inspected(place: Place, name: str) -> dict[str, Any] | None:
    """A container's whole description, or None if it is gone."""
    try:
        with translated(f"container {name}"):
            found: dict[str, Any] = place.engine.api.inspect_container(name)
    except Missing:
        return None
    return found


def state_of(container: dict[str, Any]) -> State:
    """The engine's words as ours, compared whole: `unhealthy` contains `healthy`."""
    state = container["State"]
    if state["Status"] == "running":
        health = (state.get("Health") or {}).get("Status", "none")
        return {
            "starting": State.STARTING,
            "unhealthy": State.UNHEALTHY,
            "healthy": State.HEALTHY,
            "none": State.HEALTHY,
            "": State.HEALTHY,
        }[health]
    if state["Status"] == "restarting":
        return State.CRASHED
    return State.STARTING if state["Status"] == "created" else State.STOPPED


def health_now(place: Place, container: dict[str, Any]) -> State:
    """The state, asked now: an engine runs the first check only after a whole interval."""
    state = state_of(container)
    if state is not State.STARTING or not container["State"]["Running"]:
        return state
    test = container["Config"]["Healthcheck"]["Test"]
    command = test[1:] if test[0] == "CMD" else ["/bin/sh", "-c", *test[1:]]
    try:
        done = place.engine.run(container["Id"], command, user=container["Config"]["User"])
    except Conflict:
        return state  # it ended meanwhile: the next look tells
    return State.HEALTHY if done.code == 0 else state


def seconds(text: str) -> float:
    """The engine's time, as 2026-11-20T12:00:00.123456789Z, in seconds since 1970; 0 for never."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    moment = datetime.fromisoformat(f"{whole}+00:00").timestamp()
    return max(0.0, moment + float(f"0.{fraction or 0}"))


def _revision(
    place: Place, container: dict[str, Any], state: EdgeState | None, url: str | None
) -> Revision:
    labels = container["Config"]["Labels"]
    spec = decode(labels[SPEC], Spec)
    weight = _weight(container, spec, labels[RELEASE], state)
    health = _serving_health(place, container, spec) if weight else state_of(container)
    if weight and health is State.STOPPED:
        health = State.CRASHED
    if weight and spec.port is not None and url is None:
        health = State.UNHEALTHY  # it may be well itself, but nothing leads to it
    return Revision(
        release=labels[RELEASE],
        image=_image(container, spec),
        fingerprint=labels[FINGERPRINT],
        weight=weight,
        state=health,
        created=seconds(container["Created"]),
        spec=spec,
    )


def _serving_health(place: Place, container: dict[str, Any], spec: Spec) -> State:
    """How what serves is, asked now; without its secrets, after a reboot say, it is not well."""
    files = spec.secrets and place.options.secrets_as == "file"
    if files and not place.vault.intact(container["Config"]["Labels"][RELEASE]):
        return State.UNHEALTHY
    return health_now(place, container)


def _image(container: dict[str, Any], spec: Spec) -> Image:
    """What really runs: an image that exists on this engine only is told by its own id."""
    if isinstance(spec.image, EngineImage) and container["Image"] != spec.image.digest:
        return EngineImage(name=spec.image.name, digest=container["Image"])
    return spec.image


def _weight(container: dict[str, Any], spec: Spec, release: str, state: EdgeState | None) -> int:
    if spec.port is None:
        counts = container["State"]["Running"] and not container["Name"].endswith(CANDIDATE)
        return 100 if counts else 0
    slot = state.slot(release) if state else None
    return slot.share if slot else 0


def _url(place: Place, state: EdgeState | None) -> str | None:
    if state is None:
        return None
    try:
        return place.url(*place.published())
    except (Conflict, Missing):
        return None  # a stopped edge publishes nothing
