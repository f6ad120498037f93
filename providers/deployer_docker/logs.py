"""The log of a revision, as the engine keeps it."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.errors import PreflightError
from deployer_docker.observing import containers
from deployer_docker.place import RELEASE, Place
from deployer_engine.client import translated


def lines(
    place: Place, release: str | None, *, since: float | None, follow: bool, limit: int
) -> Iterator[str]:
    """Lines of both streams, oldest first; with `follow` until closed."""
    found = [c for c in containers(place) if c["Labels"][RELEASE] == release]
    if not found:
        raise PreflightError(
            f"there is no container of {release}" if release else "nothing is serving",
            where=str(place.scope),
            fix="deployer releases lists what is kept",
        )
    with translated(f"container {found[0]['Names'][0]}"):
        stream = place.engine.api.logs(
            found[0]["Id"],
            stream=True,
            follow=follow,
            since=int(since) if since else None,
            tail=limit,
        )
        yield from _split(stream)


def _split(stream: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in stream:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)
    if rest:
        yield rest.decode(errors="replace")
