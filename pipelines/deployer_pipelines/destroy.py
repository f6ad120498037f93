"""Destroy: remove what deployer made, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.events import Event
from deployer_pipelines import verbs
from deployer_pipelines.request import Request, bench
from deployer_pipelines.together import side_by_side


def destroy(request: Request, *, records: bool) -> Iterator[Event]:
    """Remove every placement, dependants first. Records stay unless `records`."""
    with bench(request) as there:
        runs = [verbs.destroy(there.job(p), records=records) for p in reversed(request.placements)]
        yield from side_by_side(runs, request.cancel)
