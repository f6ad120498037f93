"""F3: a signal in any phase ends the run soon, changes nothing more, and the next run goes on."""

from __future__ import annotations

import signal

import pytest

from deployer.actions import Action, Retire
from deployer.events import Report, Started
from deployer.model import ReleaseCommand
from deployer.outcome import Outcome
from deployer.plan import Policy
from deployer.releases.lease import Lease
from deployer.releases.ledger import Ledger
from deployer.releases.owner import this_process
from deployer_pipelines import verbs
from tests.support.meddled import Meddled
from tests.support.story import SCOPE, Story, spec_of

POLICY = Policy(release_command=ReleaseCommand(command=("migrate",)))
EVENTS = 25  # of an undisturbed ship, or a little more


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("at", range(EVENTS))
def test_f03_a_signal_in_any_phase_is_told_and_resumable(at: int, number: int) -> None:
    story = Story(policy=POLICY)
    story.ship("one")
    report, changes_later = interrupted(story, at, number)
    assert changes_later <= 1  # the one that was asked for before the signal came
    if report.outcome is not Outcome.SUCCEEDED:
        assert report.exit_code == 128 + number
    assert Lease(story.memory.store(SCOPE), this_process()).look() is None
    after = Story(provider=story.memory, policy=POLICY)
    assert after.ship("two").outcome in (Outcome.SUCCEEDED, Outcome.UNCHANGED)
    assert after.serving() == ("two", 100)
    assert len(after.memory.world.tasks) == 2
    ended = [e.conclusion for e in Ledger(story.memory.store(SCOPE)).history()]
    assert [c.outcome for c in ended if c] == [Outcome.SUCCEEDED, Outcome.SUCCEEDED]


def interrupted(story: Story, at: int, number: int) -> tuple[Report, int]:
    """Ship version two, with a signal at the `at`-th event; changes that were made after it."""
    last, before = None, story.memory.world.changes
    for i, event in enumerate(verbs.ship(story.job(), spec_of("two"))):
        if i == at:
            story.cancel.set(number)
            before = story.memory.world.changes
        last = event
    assert isinstance(last, Report)
    later = story.memory.world.changes - before if story.cancel.is_set() else 0
    return last, later


def test_after_the_proof_a_signal_does_not_turn_success_into_failure() -> None:
    def stop(action: Action) -> None:
        if isinstance(action, Retire):
            story.cancel.set(signal.SIGINT)

    story = Story(provider=Meddled(start=stop))
    story.ship("one")
    report = story.ship("two")
    assert (report.outcome, report.exit_code) == (Outcome.SUCCEEDED, 0)
    entries = Ledger(story.memory.store(SCOPE)).history()
    assert all(entry.conclusion for entry in entries), "what happened was not recorded"


def test_a_signal_before_anything_changes_nothing() -> None:
    story = Story()
    story.cancel.set(signal.SIGINT)
    report = story.ship("one")
    assert (report.outcome, report.exit_code) == (Outcome.FAILED_NOTHING_CHANGED, 130)
    assert story.memory.world.changes == 0


def test_a_signal_during_a_restore_is_unknown_and_the_next_run_ends_it() -> None:
    story = Story()
    story.ship("one")
    told = 0
    for event in verbs.ship(story.job(), spec_of("turns")):
        told += isinstance(event, Started)
        if told == 6 and isinstance(event, Started):  # the first of the restore
            story.cancel.set(signal.SIGTERM)
    assert isinstance(event, Report)
    assert (event.outcome, event.exit_code) == (Outcome.UNKNOWN, 143)
    after = Story(provider=story.memory)
    assert after.ship("turns").outcome is Outcome.FAILED_ROLLED_BACK
    assert after.serving() == ("one", 100)
