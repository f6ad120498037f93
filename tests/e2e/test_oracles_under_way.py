"""Oracles about deployments that are interrupted, meet each other, or fail on the way back."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from tests.support.command import interrupt
from tests.support.shop import Shop, eventually

pytestmark = [pytest.mark.docker, pytest.mark.slow]

SLOW_START = {"START_DELAY": "4"}


def test_oracle_05_sigterm_frees_the_lease_reports_and_is_resumed(shop: Shop) -> None:
    first = shop.ship()["release"]
    process = shop.write("2", env=SLOW_START).start("ship", "--yes", "--json")
    eventually(lambda: len(shop.containers(running=True)) == 2)
    began = time.monotonic()
    done = interrupt(process, signal.SIGTERM)
    assert time.monotonic() - began < 5
    assert done.code == 143
    (report,) = done.json["targets"]
    assert (report["outcome"], report["exit_code"]) == ("unknown", 143)
    assert "stopping (SIGTERM)" in done.err
    assert given_back(shop)
    assert (shop.version(), shop.release()) == ("1", first)
    assert "left unfinished" in shop.run("status").err
    again = shop.ship()
    assert (again["outcome"], again["release"]) == ("succeeded", report["release"])
    assert (shop.version(), shop.release()) == ("2", report["release"])
    assert [entry["intent"]["id"] for entry in shop.entries()] == [report["release"], first]


def test_oracle_06_of_two_ships_at_once_the_second_waits_and_the_last_one_serves(
    shop: Shop, tmp_path: Path
) -> None:
    shop.ship()
    for a, b in (("2", "3"), ("3", "2")):
        codes = at_once(shop, tmp_path, a, b)
        assert codes == [0, 0]
        newest = shop.entries()[0]
        assert newest["conclusion"]["outcome"] == "succeeded"
        assert shop.release() == newest["intent"]["release"]
        assert shop.version() in (a, b)
        assert [c.labels["deployer.release"] for c in shop.containers(running=True)] == [
            shop.release()
        ]


def test_oracle_06_a_ship_that_may_not_wait_ends_as_busy_and_changes_nothing(
    shop: Shop, tmp_path: Path
) -> None:
    shop.ship()
    process = shop.write("2", env=SLOW_START).start("ship", "--yes", "--json")
    eventually(lambda: len(shop.containers(running=True)) == 2)
    report = shop.write("3").ship("--lock-wait", "0s", expect=7)
    assert report["outcome"] == "failed_nothing_changed"
    assert "another deployment is under way" in report["problem"]["what"]
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert shop.version() == "2"


def test_oracle_10_the_way_back_is_really_gone_and_its_failure_is_told(shop: Shop) -> None:
    doomed = shop.write("doomed").ship()["release"]
    baking = {"rollout": {"bake": "30s"}, "env": {"CRASH_AFTER": "8"}}
    process = shop.write("2", **baking).start("ship", "--yes", "--json")
    eventually(lambda: shop.version() == "2")
    make_impossible(shop, doomed)
    out, err = process.communicate(timeout=90)
    assert process.returncode == 6, out + err
    assert "failed_rollback_failed" in out
    assert "is not on this engine any more" in err, err
    assert "a person is needed" in err
    newest = shop.entries()[0]
    assert newest["conclusion"]["outcome"] == "failed_rollback_failed"


def given_back(shop: Shop) -> bool:
    """Whether the lease was freed, and not only left by a process that is gone; as stored."""
    (edge,) = shop.containers("edge")
    done = edge.exec_run(["sh", "-c", "cd /store/lease && cat $(ls | tail -1)"])
    return bool(json.loads(done.output).get("free"))


def make_impossible(shop: Shop, release: str) -> None:
    """The container of `release` is gone, and so is the image it could be made from again."""
    for container in shop.containers():
        if container.labels["deployer.release"] == release:
            container.remove(force=True)
    shop.engine.images.remove(shop.image("doomed"), force=True)


def at_once(shop: Shop, folder: Path, a: str, b: str) -> list[int]:
    """Ships both versions from two folders at the same moment; their exit codes."""
    processes = []
    for version in (a, b):
        shop.folder = folder / f"at-once-{version}"
        shop.folder.mkdir(exist_ok=True)
        processes.append(shop.write(version).start("ship", "--yes"))
    for process in processes:
        process.communicate(timeout=120)
    return [process.returncode for process in processes]
