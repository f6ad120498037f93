"""Rolling back, told as stories on the in-memory provider."""

from __future__ import annotations

from deployer.model import ReleaseCommand
from deployer.outcome import Outcome
from deployer.plan import Policy
from tests.support.story import Story


def test_a_rollback_never_runs_the_release_command() -> None:
    story = Story(policy=Policy(release_command=ReleaseCommand(command=("migrate",))))
    story.ship("one")
    story.ship("two")
    before = dict(story.memory.world.tasks)
    story.rollback()
    assert story.serving() == ("one", 100)
    assert story.memory.world.tasks == before


def test_oracle_09_rolling_back_twice_does_not_bounce_forward() -> None:
    story = Story()
    for tag in ("one", "two", "three"):
        story.ship(tag)
    story.rollback()
    assert story.serving() == ("two", 100)
    story.rollback()
    assert story.serving() == ("one", 100)
    report = story.rollback()
    assert report.exit_code == 3
    assert story.serving() == ("one", 100)


def test_rolling_back_skips_what_failed() -> None:
    story = Story()
    story.ship("one")
    story.ship("crash")
    story.ship("two")
    story.ship("turns")
    story.rollback()
    assert story.serving() == ("one", 100)


def test_oracle_13_an_unknown_release_is_refused() -> None:
    story = Story()
    story.ship("one")
    report = story.rollback("r0000000none")
    assert report.exit_code == 3
    assert report.problem is not None
    assert "r0000000none" in report.problem.what
    assert story.serving() == ("one", 100)


def test_rolling_back_to_a_named_release() -> None:
    story = Story()
    first = story.ship("one")
    story.ship("two")
    story.ship("three")
    assert story.rollback(first.release).outcome is Outcome.SUCCEEDED
    assert story.serving() == ("one", 100)


def test_the_next_ship_after_a_rollback_goes_live() -> None:
    story = Story()
    story.ship("one")
    story.ship("two")
    story.rollback()
    assert story.ship("three").outcome is Outcome.SUCCEEDED
    assert story.serving() == ("three", 100)
