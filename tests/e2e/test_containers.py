"""What a container on the real engine is given, what it keeps, and what it survives."""

from __future__ import annotations

import contextlib
import http.client
from typing import Any

import pytest

from tests.support.project import HEALTH
from tests.support.session import Session
from tests.support.shop import Shop, eventually

pytestmark = [pytest.mark.docker, pytest.mark.slow]

LOOP = "import time\nwhile True: print('working', flush=True); time.sleep(0.2)"
WORKER: dict[str, Any] = {"port": None, "health": None, "command": ["python3", "-c", LOOP]}


def test_limits_networks_and_volumes_are_the_containers_own(shop: Shop, labelled: Session) -> None:
    extra = shop.engine.networks.create(labelled.name("extra"), labels=labelled.labels)
    target = {
        "network": extra.name,
        "restart": "always",
        "logs": {"max_size": "1Mi", "max_files": 2},
    }
    limits = {"cpu": 0.5, "memory": "192Mi"}
    shop.write("1", target, resources=limits, volumes={"data": "/data"}).ship()
    host, config = shop.serving().attrs["HostConfig"], shop.serving().attrs
    assert (host["NanoCpus"], host["Memory"]) == (500_000_000, 192 * 2**20)
    assert host["RestartPolicy"]["Name"] == "always"
    assert host["LogConfig"] == {
        "Type": "json-file",
        "Config": {"max-size": str(2**20), "max-file": "2"},
    }
    assert extra.name in config["NetworkSettings"]["Networks"]

    wrote = shop.serving().exec_run(["sh", "-c", "echo kept >/data/file"])
    assert wrote.exit_code == 0
    shop.write("2", target, resources=limits, volumes={"data": "/data"}).ship()
    assert shop.version() == "2"
    assert shop.serving().exec_run(["cat", "/data/file"]).output == b"kept\n"


def test_a_serving_process_that_crashes_comes_back_by_itself(shop: Shop) -> None:
    shop.ship()
    container = shop.serving()
    with contextlib.suppress(OSError, http.client.HTTPException):
        shop.get("/crash")
    assert eventually(shop.version) == "1"
    assert shop.serving().id == container.id
    assert shop.serving().attrs["RestartCount"] == 1


def test_containers_and_edge_answer_again_after_they_were_restarted(shop: Shop) -> None:
    shop.ship()
    for container in (shop.serving(), *shop.containers("edge")):
        container.restart(timeout=1)
    assert eventually(shop.version) == "1"
    assert shop.ship()["outcome"] == "unchanged"


def test_a_container_that_was_killed_is_told_and_replaced(shop: Shop) -> None:
    shop.ship()
    shop.serving().kill()  # the engine does not restart what was killed on request
    (revision,) = shop.status()["observed"]["revisions"]
    assert revision["state"] == "crashed"
    assert shop.ship()["outcome"] == "succeeded"
    assert shop.version() == "1"


def test_as_many_releases_are_kept_as_was_said_and_older_ones_are_made_again(shop: Shop) -> None:
    releases = [shop.write(version, {"keep": 1}).ship()["release"] for version in "123"]
    kept = sorted(c.labels["deployer.release"] for c in shop.containers())
    assert kept == sorted(releases[1:])
    shop.rollback(releases[0])
    assert (shop.version(), shop.release()) == ("1", releases[0])


def test_a_worker_is_replaced_by_one_that_stays_up_and_by_no_other(shop: Shop) -> None:
    first = shop.write("1", **WORKER).ship()
    assert first["proof"] == "platform"
    assert "working" in shop.run("logs").out
    second = shop.write("2", **WORKER).ship()
    assert running(shop) == [second["release"]]
    broken: dict[str, Any] = {
        **WORKER,
        "command": ["python3", "-c", "raise SystemExit('no queue')"],
    }
    report = shop.write("3", **broken).ship(expect=3)
    assert "no queue" in " ".join(report["problem"]["evidence"])
    assert running(shop) == [second["release"]]
    shop.write("2", **WORKER).rollback()
    assert running(shop) == [first["release"]]


def running(shop: Shop) -> list[str]:
    """The releases whose containers run."""
    return [c.labels["deployer.release"] for c in shop.containers(running=True)]


def test_the_release_command_runs_once_before_traffic_and_never_on_a_rollback(shop: Shop) -> None:
    migrate = ["sh", "-c", "echo migrating; echo x >>/data/ran"]
    data: dict[str, Any] = {"volumes": {"data": "/data"}, "health": HEALTH}
    shop.write("1", release={"command": migrate}, **data)
    told = shop.run("ship", "--yes", "--events", "ndjson").events
    assert [e["line"] for e in told if e["type"] == "output"] == ["migrating"]
    assert ran(shop) == 1
    assert shop.ship()["outcome"] == "unchanged"
    assert ran(shop) == 1
    shop.write("2", release={"command": migrate}, **data).ship()
    shop.rollback()
    assert (ran(shop), shop.version()) == (2, "1")

    fails = ["sh", "-c", "echo no such table >&2; exit 4"]
    report = shop.write("3", release={"command": fails}, **data).ship(expect=3)
    assert report["task_ran"]
    assert report["outcome"] == "failed_nothing_changed"
    assert "no such table" in report["problem"]["evidence"]
    assert "exit code 4" in report["problem"]["why"]
    assert shop.version() == "1"


def ran(shop: Shop) -> int:
    """How often the release command ran, by what it left on the volume."""
    return int(shop.serving().exec_run(["sh", "-c", "wc -l </data/ran"]).output)
