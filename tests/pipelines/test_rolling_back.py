"""Rolling back, told as stories on the in-memory provider."""

from __future__ import annotations

from deployer.actions import ShiftTraffic
from deployer.errors import RolloutFailed, Transient
from deployer.model import ReleaseCommand, Rollout
from deployer.outcome import Outcome
from deployer.plan import Policy
from tests.support.meddled import Meddled, raising
from tests.support.story import SCOPE, Story


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


def test_what_was_left_for_a_person_can_be_rolled_back_from() -> None:
    story = Story(policy=Policy(rollout=Rollout(on_failure="stop")))
    story.ship("one")
    assert story.ship("turns").outcome is Outcome.UNKNOWN
    assert story.rollback().outcome is Outcome.SUCCEEDED
    assert story.serving() == ("one", 100)


def test_a_release_over_one_that_was_never_proven_is_rolled_back_past_it() -> None:
    story = Story(provider=Meddled(after=raising(ShiftTraffic, Transient("no answer"))))
    meddled = story.provider
    assert isinstance(meddled, Meddled)
    lost, meddled._after = meddled._after, lambda action: None
    story.ship("one")
    meddled._after = lost
    assert story.ship("two").outcome is Outcome.UNKNOWN
    meddled._after = lambda action: None
    story.ship("three")
    story.rollback()
    assert story.serving() == ("one", 100)


def test_a_rollback_that_fails_keeps_the_release_for_another_day() -> None:
    story = Story()
    first = story.ship("one")
    story.ship("two")
    broken = Meddled(check=raising(ShiftTraffic, RolloutFailed("it crashed"), times=1))
    broken.inner = story.memory
    report = Story(provider=broken).rollback()
    assert (report.outcome, report.exit_code) == (Outcome.FAILED_ROLLED_BACK, 5)
    assert story.serving() == ("two", 100)
    assert story.memory.observe(SCOPE).find(str(first.release)) is not None
    assert story.rollback().outcome is Outcome.SUCCEEDED
