"""A ship of what serves already touches nothing, and asks little."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.shop import Shop
from tests.support.wire import tapped

pytestmark = [pytest.mark.docker, pytest.mark.slow]

# A command or a file read in a container mounts its volumes for a moment; none of it is a change.
QUIET = ("exec_", "health_status", "archive-path", "mount", "unmount")
BUDGET = 12  # as measured, so that it does not grow; two commands in the edge come on top


def events(shop: Shop, work: Callable[[], object]) -> list[str]:
    """What the engine did to the shop's things while `work` ran."""
    since = time.time()
    work()
    told: Any = shop.engine.events(since=since, until=time.time(), decode=True)
    mine = (e for e in told if shop.app in str(e["Actor"]))
    return [f"{e['Type']} {e['Action']}" for e in mine if not e["Action"].startswith(QUIET)]


def test_an_unchanged_ship_makes_no_mutation_and_few_calls(shop: Shop) -> None:
    assert "container start" in events(shop, shop.ship)
    with tapped() as wire:
        report: dict[str, Any] = {}
        happened = events(shop, lambda: report.update(shop.ship(DOCKER_HOST=wire.host)))
    assert report["outcome"] == "unchanged"
    assert happened == [], happened
    calls = wire.calls()
    assert not [
        call for call in calls if not call.startswith(("GET", "HEAD")) and "exec" not in call
    ]
    rounds = [call for call in calls if "/exec/" not in call]
    assert len(rounds) <= BUDGET, "\n".join(calls)
