"""What people do, through the real command line: exit codes, both streams, what serves after."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import IMAGE, Shop


def test_a_first_ship_is_live_and_a_second_changes_nothing(shop: Shop) -> None:
    first = shop("ship")
    assert (first.code, first.out.count("\n")) == (0, 1)
    assert first.out.startswith("default/here/api: succeeded; r")
    assert "prove by the platform that" in first.err
    again = shop("ship")
    assert again.code == 0
    assert again.out.startswith("default/here/api: unchanged; ")


def test_a_broken_version_is_explained_and_never_takes_over(shop: Shop) -> None:
    shop("ship")
    before = shop.live()
    broken = shop.ship("crash")
    assert broken.code == 3
    assert broken.out.startswith(f"default/here/api: failed, nothing changed; {before} is serving")
    block = broken.err[broken.err.index("error: ") :]
    for part in ("  where  ", "  why    ", "  log    | ", "  fix    ", f"  now    {before} is"):
        assert part in block
    assert shop.live() == before


def test_a_version_that_turns_is_rolled_back(shop: Shop) -> None:
    shop("ship")
    before = shop.live()
    turned = shop.ship("turns")
    assert turned.code == 5
    assert "failed and rolled back" in turned.out
    assert shop.live() == before


def test_rolling_back_twice_does_not_bounce_forward(shop: Shop) -> None:
    shop("ship")
    first = shop.live()
    shop.ship("two")
    done = shop("rollback")
    assert (done.code, shop.live()) == (0, first)
    again = shop("rollback")
    assert (again.code, shop.live()) == (3, first)


def test_an_unknown_release_is_refused_before_anything_moves(shop: Shop) -> None:
    shop("ship")
    refused = shop("rollback", "rnope")
    assert refused.code == 3
    assert "there is no release rnope" in refused.err
    assert "fix    deployer releases" in refused.err


def test_a_locked_target_is_left_alone(shop: Shop) -> None:
    taken = shop("lock", "take", "--reason", "maintenance")
    assert taken.code == 0
    busy = shop("ship")
    assert busy.code == 7
    assert "maintenance" in busy.err
    assert "maintenance" in shop("lock", "status").out
    assert "maintenance" in shop("status").err
    assert shop("lock", "release").code == 0
    assert shop("ship").code == 0


def test_plans_say_what_would_happen_and_do_nothing(shop: Shop) -> None:
    planned = shop("plan", "--detailed-exitcode")
    assert planned.code == 10
    assert planned.out.rstrip().endswith("Plan: 1 to add. Downtime: none. Migrations: none.")
    assert not (shop.folder / "world.json").exists()
    shop("ship")
    assert shop("plan", "--detailed-exitcode").code == 0
    assert shop("ship", "--dry-run", "--image", f"{IMAGE}:two").out.startswith("~ default/here")
    shop.ship("two")
    before = shop.live()
    assert "replaces" in shop("rollback", "--dry-run").out
    assert "Plan: 1 to destroy." in shop("destroy", "--dry-run").out
    assert shop.live() == before


def test_a_stored_plan_ships_once_and_is_stale_afterwards(shop: Shop) -> None:
    shop("ship")
    assert shop("plan", "--image", f"{IMAGE}:two", "-o", "plan.json").code == 0
    assert shop.ship("two", "--plan", "plan.json").code == 0
    stale = shop.ship("three", "--plan", "plan.json")
    assert stale.code == 9
    assert "stale" in stale.err


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"made_at": 1, "plans": []}'])
def test_what_is_no_plan_is_refused(shop: Shop, content: str) -> None:
    (shop.folder / "plan.json").write_text(content)
    refused = shop("ship", "--plan", "plan.json")
    assert refused.code == 2
    assert "fix    deployer plan -o FILE" in refused.err


def test_destroying_needs_a_word_and_then_leaves_nothing(shop: Shop) -> None:
    shop("ship")
    refused = shop("destroy")
    assert refused.code == 2
    assert "run it again with --yes" in refused.err
    done = shop("destroy", "--yes")
    assert (done.code, shop.live()) == (0, None)
    assert "everything is deleted" in done.out


def test_a_protected_environment_is_named_and_confirmed(shop: Shop) -> None:
    shop.production()
    several = shop("ship")
    assert (several.code, "-e staging" in several.err) == (2, True)
    lingering = shop("ship", env={"DEPLOYER_ENVIRONMENT": "production"})
    assert lingering.code == 2
    assert "run it again with -e production --yes" in lingering.err
    assert shop("ship", "-e", "production", stdin="production\n").code == 2
    assert shop("ship", "-e", "production", "--yes").code == 0
    assert shop("ship", "-e", "staging").code == 0
    assert shop("status", env={"DEPLOYER_ENVIRONMENT": "production"}).code == 0


def test_the_flag_wins_over_the_variable(shop: Shop) -> None:
    shop.two()
    shop("ship", env={"DEPLOYER_TARGET": "here,there"})
    assert len(shop("status", "--json").json["targets"]) == 2
    chosen = shop("status", "--json", env={"DEPLOYER_TARGET": "here"}).json["targets"]
    assert [one["scope"]["target"] for one in chosen] == ["here"]
    flagged = shop("status", "--json", "-t", "there", env={"DEPLOYER_TARGET": "here"}).json
    assert [one["scope"]["target"] for one in flagged["targets"]] == ["there"]


def test_targets_that_end_differently_are_partial(shop: Shop) -> None:
    shop.two()
    assert shop("ship", "-t", "here").code == 0
    shop("lock", "take", "-t", "there", "-m", "audit")
    mixed = shop("ship", "--json")
    assert mixed.code == mixed.json["exit_code"] == 7
    assert mixed.json["partial"] is True
    ends = {one["scope"]["target"]: one["outcome"] for one in mixed.json["targets"]}
    assert ends == {"here": "unchanged", "there": "failed_nothing_changed"}


def test_releases_tell_who_what_and_how_it_ended(shop: Shop) -> None:
    assert "nothing was deployed yet" in shop("releases").err
    shop("ship", env={"GITHUB_ACTOR": "mia"})
    shop.ship("crash")
    newest, oldest = shop("releases").out.splitlines()
    assert newest.split("\t")[3] == "failed_nothing_changed"
    assert oldest.split("\t")[5] == "mia"
    assert oldest.split("\t")[1].endswith(" *")
    assert len(shop("releases", "--limit", "1").out.splitlines()) == 1


def test_logs_are_the_result(shop: Shop) -> None:
    shop("ship")
    assert shop("logs").out == f"{shop.live()} says hello\n"
    lines = shop("logs", "--json").json["lines"]
    assert [one["line"] for one in lines] == [f"{shop.live()} says hello"]
    assert shop("logs", "-f", "--json").code == 2


def test_check_and_doctor(shop: Shop) -> None:
    assert shop("check").code == 0
    assert shop("check", "--online", "--json").json["outcome"] == "ok"
    found = shop("doctor", "--json").json
    assert {"deployer", "python", "identity"} <= {one["name"] for one in found["checks"]}
    shop.path.unlink()
    lost = shop("doctor")
    assert lost.code == 3
    assert "there is no deployer.yaml" in lost.out


def test_init_writes_a_file_that_loads_and_never_writes_over_one(
    shop: Shop, tmp_path: Path
) -> None:
    shop.path.unlink()
    (shop.folder / "Dockerfile").write_text("FROM scratch\nEXPOSE 8000\n")
    made = shop("init")
    assert (made.code, made.out) == (0, "wrote deployer.yaml\n")
    assert shop("plan", "--offline").code == 0
    before = shop.path.read_text()
    again = shop("init")
    assert (again.code, shop.path.read_text()) == (2, before)
    assert shop("init", "--force").code == 0
    assert shop("init", "--print").out == before


def test_schema_is_json_by_itself(shop: Shop) -> None:
    plain = json.loads(shop("schema").out)
    assert plain == shop("schema", "--json").json["schema"]
    assert "memory" in json.dumps(plain)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_know_every_verb(shop: Shop, shell: str) -> None:
    script = shop("completion", shell).out
    assert all(word in script for word in ("rollback", "allow-dirty", "take"))
    assert "deployer completion" not in script
