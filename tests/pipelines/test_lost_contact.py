"""Losing sight of the provider says nothing about the release: no rollback, and a way on."""

from __future__ import annotations

import pytest

from deployer.actions import Action, ShiftTraffic
from deployer.errors import Conflict, Transient, UnknownState
from deployer.outcome import Outcome
from deployer.testing.memory import Memory
from tests.support.meddled import Meddled, raising
from tests.support.story import Story


def test_a_lost_answer_is_no_reason_to_roll_back() -> None:
    gone = raising(ShiftTraffic, Transient("no answer"))
    story = Story(provider=Meddled(after=gone))
    report = story.ship("one")
    assert (report.outcome, report.exit_code) == (Outcome.UNKNOWN, 75)
    assert story.serving() == ("one", 100)


def test_the_run_after_a_lost_answer_adopts_the_release() -> None:
    story = Story(provider=Meddled(after=raising(ShiftTraffic, Transient("no answer"))))
    first = story.ship("one")
    meddled = story.provider
    assert isinstance(meddled, Meddled)
    meddled._after = lambda action: None
    again = story.ship("one")
    assert again.outcome is Outcome.SUCCEEDED
    assert again.release == first.release


def test_a_short_fault_is_waited_out() -> None:
    story = Story(provider=Meddled(check=raising(ShiftTraffic, Transient("busy"), times=5)))
    assert story.ship("one").outcome is Outcome.SUCCEEDED


def test_somebody_else_changing_it_is_not_fought() -> None:
    theirs = raising(ShiftTraffic, Conflict("etag"), times=1)
    story = Story(provider=Meddled(start=theirs))
    report = story.ship("one")
    assert report.outcome is Outcome.UNKNOWN
    assert report.exit_code == 9


def test_an_unknown_operation_is_unknown() -> None:
    lost = raising(ShiftTraffic, UnknownState("never heard of it"))
    story = Story(provider=Meddled(check=lost))
    assert story.ship("one").exit_code == 6


@pytest.mark.parametrize("number", [2, 15])
def test_a_signal_stops_changes_and_the_next_run_goes_on(number: int) -> None:
    story = Story()
    story.ship("one")

    def stop(action: Action) -> None:
        if isinstance(action, ShiftTraffic):
            story.cancel.set(number)

    story.provider = meddled = Meddled(start=stop)
    meddled.inner = Memory()
    story = Story(provider=meddled, cancel=story.cancel)
    report = story.ship("two")
    assert report.exit_code == 128 + number
    assert report.outcome is Outcome.UNKNOWN
    after = Story(provider=meddled.inner)
    assert after.ship("two").release == report.release
