"""Plans on the real engine: shown, kept, shipped, refused when stale; and what programs read."""

from __future__ import annotations

import json

import pytest

from tests.support.shop import Shop, eventually

pytestmark = [pytest.mark.docker, pytest.mark.slow]


def test_a_kept_plan_is_shipped_once_and_is_stale_after_that(shop: Shop) -> None:
    shop.ship()
    shop.write("2").run("plan", "-o", "kept.plan")
    assert shop.version() == "1"
    assert shop.ship("--plan", "kept.plan")["outcome"] == "succeeded"
    assert shop.version() == "2"
    before = shop.serving().id
    report = shop.write("3").ship("--plan", "kept.plan", expect=9)
    assert report["outcome"] == "failed_nothing_changed"
    assert "stale" in report["problem"]["what"]
    assert shop.serving().id == before


def test_a_dry_run_shows_the_plan_and_touches_nothing(shop: Shop) -> None:
    first = shop.run("ship", "--dry-run", "--json").json
    assert first["outcome"] == "changes"
    assert shop.left() == {}
    shop.ship()
    before = shop.left()
    shop.write("2", env={"ADDED": "yes"})
    text = shop.run("ship", "--dry-run")
    assert "env.ADDED" in text.out
    assert shop.run("plan", "--detailed-exitcode", expect=10).out
    for verb in ("rollback", "destroy"):
        shop.run(verb, "--dry-run", expect=3 if verb == "rollback" else 0)
    assert shop.left() == before
    assert shop.version() == "1"
    assert shop.write("1").run("plan", "--detailed-exitcode")


def test_a_ship_that_does_not_wait_is_unknown_until_the_next_one_proves_it(shop: Shop) -> None:
    shop.ship()
    report = shop.write("2").ship("--no-wait", expect=6)
    assert report["outcome"] == "unknown"
    assert any("deployer status" in line for line in report["next"])
    assert eventually(lambda: shop.version() == "2")
    again = shop.ship()
    assert (again["outcome"], again["release"]) == ("succeeded", report["release"])


def test_every_end_is_one_document_and_one_stream(shop: Shop) -> None:
    told = shop.run("ship", "--yes", "--events", "ndjson")
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert {"planned", "started", "finished", "report"} <= {line["type"] for line in lines}
    assert (lines[-1]["type"], lines[-1]["exit_code"]) == ("end", 0)

    failed = shop.write("2", env={"CRASH": "7"}).run("ship", "--yes", "--json", expect=3)
    document = failed.json
    assert document["schema_version"] == 1
    assert (document["command"], document["exit_code"]) == ("ship", 3)
    problem = document["targets"][0]["problem"]
    assert "exit code 7" in problem["what"]
    assert any("crashing as told" in line for line in problem["evidence"])
    assert shop.version() == "1"

    (shop.folder / "deployer.yaml").write_text("app: [")
    broken = shop.run("ship", "--yes", "--json", expect=2)
    assert broken.json["error"]["where"].endswith("deployer.yaml:1:7") or broken.json["error"]
    assert shop.version() == "1"
