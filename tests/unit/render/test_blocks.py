"""Failures, plans and tables as golden texts."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from deployer.actions import Plan, Verify, Weight
from deployer.events import Problem
from deployer.model import Observed, Proof, Revision, State
from deployer.outcome import Outcome
from deployer.quantity import Seconds
from deployer.render.plan_text import plan_text, summary
from deployer.render.problem import block
from deployer.render.tables import SERVING, serving_rows, table
from deployer.render.words import aim, serving, verdict, words
from tests.unit.render.made import (
    BACK,
    CHANGE,
    CRASH,
    DESTROY,
    DIGEST,
    GOOD,
    PROVE,
    SAME,
    SCOPE,
    SHIFT,
    SPEC,
    TASK,
    Screen,
)  # fmt: skip


def test_a_failure_says_what_where_why_fix_and_what_serves() -> None:
    assert block(CRASH, Screen(), serving(BACK)) == [
        "error: the container ended with exit code 1",
        "  where  prod/gcp/api, release r2",
        "  why    its main process failed",
        "  log    | Traceback (most recent call last):",
        "         | KeyError: 'DATABASE_URL'",
        "  fix    add DATABASE_URL under secrets",
        "  now    r1 is serving (418fc3488059)",
    ]


def test_what_has_the_traffic_but_is_not_well_is_not_said_to_serve() -> None:
    broken = replace(BACK, serving_state=State.CRASHED)
    assert serving(broken) == "r1 has the traffic (418fc3488059), but is crashed"


def test_all_mistakes_are_listed_with_their_places() -> None:
    one = Problem(code="config", what="unknown key prot", exit_code=2, where="deployer.yaml:3:1",
                  evidence=("3 | prot: 80", "  | ^"), fix="did you mean port?")  # fmt: skip
    two = Problem(code="config", what="app is missing", exit_code=2)
    both = Problem(
        code="config",
        what="deployer.yaml has 2 mistakes",
        where="deployer.yaml",
        exit_code=2,
        problems=(one, two),
    )
    assert block(both, Screen()) == [
        "error: deployer.yaml has 2 mistakes",
        "",
        "  deployer.yaml:3:1: unknown key prot",
        "    line   3 | prot: 80",
        "             | ^",
        "    fix    did you mean port?",
        "",
        "  app is missing",
    ]


def test_a_single_mistake_is_told_once() -> None:
    one = Problem(code="config", what="app is missing", exit_code=2)
    assert block(replace(one, problems=(one,)), Screen()) == ["error: app is missing"]


@pytest.mark.parametrize("columns", [20, 40, 80, 300])
def test_evidence_stays_behind_its_bar_at_every_width(columns: int) -> None:
    nasty = ("::set-output name=x::y", "x" * 200, "\x1b[2J\x1b]8;;https://evil.example\x07z")
    lines = block(replace(CRASH, evidence=nasty), Screen(columns=columns))
    text = "\n".join(lines)
    assert "\x1b" not in text
    assert not any(line.lstrip().startswith("::") for line in lines)
    assert text.count("x" * 5) >= 1
    assert all(len(line) <= columns for line in lines if "|" in line)


def test_a_plan_shows_changes_steps_and_costs() -> None:
    assert plan_text([CHANGE, SAME], Screen()).splitlines() == [
        "~ prod/gcp/api  r2 replaces r1",
        "  ~ image: r.example/shop@sha256:418fc3488059 -> r.example/shop@sha256:9f3c1a2b4d5e",
        "  + env.DEBUG: 1",
        "  1. prepare the place for shop-api",
        "  2. run the release command: alembic upgrade head",
        "  3. start r2 (no traffic yet)",
        "  4. prove r2 before it gets traffic",
        "  5. move all traffic to r2",
        "  6. prove from outside that r2 serves",
        "  7. retire r1 (finishes its requests, kept for a rollback)",
        "  note: the release command runs once, before any traffic moves; "
        "a rollback does not undo what it did",
        "",
        "= prod/aws/api  unchanged, r1 serves already",
        "",
        "Plan: 1 to change, 1 unchanged. Downtime: none. Migrations: 1.",
    ]


def test_summaries() -> None:
    first = replace(CHANGE, previous=None, actions=CHANGE.actions[2:])
    gone = Plan(scope=SCOPE, release="", basis="f", actions=(DESTROY,))
    noted = replace(CHANGE, notes=("downtime: a few seconds, it has no slots",))
    assert summary([first]) == "Plan: 1 to add. Downtime: none. Migrations: none."
    assert summary([SAME]) == "Plan: 1 unchanged. Nothing to do."
    assert summary([gone]) == "Plan: 1 to destroy. Downtime: what is destroyed. Migrations: none."
    assert "Downtime: see the notes" in summary([noted])


def test_actions_in_words() -> None:
    two = (Weight(release="r2", percent=10), Weight(release="r1", percent=90))
    held = Verify(release="r2", spec=SPEC, stage="serving", weight=10, hold=Seconds(300))
    inside = replace(PROVE, spec=replace(SPEC, verify=Proof.PLATFORM))
    assert words(replace(SHIFT, weights=two)) == "move 10 % of the traffic to r2 (r1 keeps 90 %)"
    assert words(held) == "prove from outside that r2 serves at 10 %, and watch it for 5m"
    assert words(inside) == "prove by the platform that r2 serves"
    assert words(replace(DESTROY, records=True)) == (
        "delete everything of shop-api, and its records"
    )
    assert words(TASK) == "run the release command: alembic upgrade head"


def test_a_plan_that_puts_back_says_so() -> None:
    back = Plan(scope=SCOPE, release="r1", basis="", actions=(SHIFT,))
    assert aim(back) == "put r1 back"
    assert aim(replace(back, actions=())) == "clear away what failed"


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_a_verdict(outcome: Outcome) -> None:
    assert verdict(replace(GOOD, outcome=outcome)).startswith("prod/gcp/api: ")


def test_what_was_not_looked_at_is_not_called_empty() -> None:
    blind = replace(GOOD, outcome=Outcome.FAILED_NOTHING_CHANGED, serving=None)
    assert serving(blind) == "nothing was changed"
    assert serving(replace(blind, outcome=Outcome.UNKNOWN)) == "what serves now is not known"


SEEN = Observed(
    scope=SCOPE,
    url="https://shop.example",
    revisions=(
        Revision(release="r1", image=SPEC.image, fingerprint="x", state=State.STOPPED),
        Revision(release="r2", image=SPEC.image, fingerprint="x", weight=100,
                 state=State.HEALTHY, created=1000.0),
    ),
)  # fmt: skip


def test_tables_are_aligned_on_a_terminal_and_tabbed_elsewhere() -> None:
    here = serving_rows("prod/gcp/api", SEEN, now=1300.0, iso=False)
    assert table(SERVING, here, Screen(columns=100)) == [
        "TARGET        RELEASE  IMAGE         STATE    TRAFFIC  SINCE      URL",
        "prod/gcp/api  r2       9f3c1a2b4d5e  healthy  100 %    5 min ago  https://shop.example",
    ]
    piped = serving_rows("prod/gcp/api", SEEN, now=1300.0, iso=True)
    assert table(SERVING, piped, Screen()) == [
        "prod/gcp/api\tr2\t9f3c1a2b4d5e\thealthy\t100 %\t1970-01-01T00:16:40Z\thttps://shop.example"
    ]
    assert DIGEST.startswith("sha256:9f3c1a2b4d5e")


def test_a_table_never_breaks_its_lines() -> None:
    rows = serving_rows("prod/gcp/api", SEEN, now=1300.0, iso=False)
    assert all(len(line) < 20 for line in table(SERVING, rows, Screen(columns=20)))
