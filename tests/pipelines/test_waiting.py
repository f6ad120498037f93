"""`--no-wait`: begun, not proven, and taken up again by the next run."""

from __future__ import annotations

from dataclasses import replace

from deployer.outcome import Outcome
from deployer_pipelines import verbs
from tests.support.story import Story, spec_of


def test_not_waiting_ends_as_unknown_with_the_traffic_moving() -> None:
    story = Story()
    story.ship("one")
    report = story.run(verbs.ship(replace(story.job(), wait=False), spec_of("two")))
    assert (report.outcome, report.exit_code) == (Outcome.UNKNOWN, 6)
    assert story.serving() == ("two", 100)


def test_the_next_ship_takes_up_what_was_not_waited_for() -> None:
    story = Story()
    report = story.run(verbs.ship(replace(story.job(), wait=False), spec_of("one")))
    again = story.ship("one")
    assert (again.outcome, again.release) == (Outcome.SUCCEEDED, report.release)


def test_without_waiting_an_unchanged_release_is_still_proven() -> None:
    story = Story()
    story.ship("one")
    report = story.run(verbs.ship(replace(story.job(), wait=False), spec_of("one")))
    assert report.outcome is Outcome.UNCHANGED
