"""Traffic on the real engine: counted shares, requests under way, and a bake that fails."""

from __future__ import annotations

import json
import threading
import urllib.error
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.load import Hits, load
from tests.support.ports import free_port
from tests.support.shop import Shop, eventually

pytestmark = [pytest.mark.docker, pytest.mark.slow]

# Its shell ends at once when it is told to stop, whatever the server is doing.
BLUNT = ["sh", "-c", "python3 /srv/server.py & wait"]
STAGES = {"stages": [10, 50, 100], "stage_wait": "3s", "bake": "2s"}


def test_stages_give_each_release_its_share_and_drop_no_request(shop: Shop) -> None:
    shop.ship()
    shop.write("2", rollout=STAGES)
    with load(shop.url, threads=2) as kept, load(shop.url, threads=2, keep_alive=False) as new:
        shares = list(measured(shop, kept))
    assert not kept.errors
    assert not new.errors
    assert shares == [pytest.approx(10, abs=4), pytest.approx(50, abs=12), 100]
    assert shop.version() == "2"


def measured(shop: Shop, hits: Hits) -> Iterator[float]:
    """Ships, and gives the share in percent that version 2 had in each stage."""
    before: Counter[str] = Counter()
    with shop.start("ship", "--yes", "--events", "ndjson") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            event = json.loads(line)
            action = event.get("action", {})
            if event["type"] == "finished" and action["type"] == "shift-traffic":
                before = Counter(hits.bodies)
            if event["type"] == "finished" and action.get("stage") == "serving":
                answers = Counter(hits.bodies) - before
                yield 100 * answers["hello 2\n"] / answers.total()
        said = process.stderr.read()
    assert process.returncode == 0, said


def test_a_request_under_way_is_finished_by_the_release_that_began_it(shop: Shop) -> None:
    shop.write(command=BLUNT).ship()
    old, answers = shop.serving(), []
    slow = threading.Thread(target=lambda: answers.append(shop.get("/slow?ms=9000")))
    slow.start()
    shop.write("2").ship()
    assert shop.version() == "2"
    slow.join()
    assert answers == ["slow 1\n"]
    old.reload()
    assert old.status == "exited"


def test_a_release_that_dies_while_it_is_watched_is_rolled_back(shop: Shop) -> None:
    good = shop.ship()["release"]
    watched = {"rollout": {"bake": "30s"}, "env": {"CRASH_AFTER": "6"}}
    report = shop.write("2", **watched).ship(expect=5)
    assert report["outcome"] == "failed_rolled_back"
    assert report["serving"] == good
    assert "ended" in report["problem"]["what"]
    assert (shop.version(), shop.release()) == ("1", good)
    assert shop.entries()[0]["conclusion"]["outcome"] == "failed_rolled_back"
    assert [c.labels["deployer.release"] for c in shop.containers()] == [good]


def test_a_release_that_is_not_to_be_rolled_back_is_left_for_a_person(shop: Shop) -> None:
    shop.ship()
    watched = {"rollout": {"bake": "30s", "on_failure": "stop"}, "env": {"CRASH_AFTER": "6"}}
    report = shop.write("2", **watched).ship(expect=6)
    assert report["outcome"] == "unknown"
    assert eventually(shop.version) == "2"


def test_another_port_to_publish_at_moves_the_edge(shop: Shop) -> None:
    shop.ship()
    old, shop.port = shop.port, free_port()
    report = shop.write().ship()
    assert report["url"] == shop.url
    assert shop.version() == "1"
    with pytest.raises(urllib.error.URLError, match="refused"):
        shop.get("/", old)


def test_proof_by_the_platform_alone_is_named_so(shop: Shop) -> None:
    assert shop.write(verify="platform").ship()["proof"] == "platform"
    assert shop.version() == "1"
