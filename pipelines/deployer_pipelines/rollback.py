"""Roll back: a recorded release live again, by the same verified way as a ship."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.events import Event
from deployer_pipelines import verbs
from deployer_pipelines.request import Request, bench
from deployer_pipelines.together import side_by_side


def rollback(request: Request, *, release: str | None) -> Iterator[Event]:
    """Bring every placement back to `release`, or to the good one before what serves now.

    Ends with one Report for each. Release commands never run.
    """
    with bench(request) as there:
        runs = [verbs.rollback(there.job(p), release) for p in request.placements]
        yield from side_by_side(runs, request.cancel)
