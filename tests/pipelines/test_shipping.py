"""Shipping, told as stories on the in-memory provider."""

from __future__ import annotations

from deployer.actions import RunTask, ShiftTraffic
from deployer.events import Started
from deployer.model import ReleaseCommand, Rollout, SecretRef
from deployer.outcome import Outcome
from deployer.plan import Policy
from deployer.quantity import Seconds
from deployer.releases.ledger import Ledger
from tests.support.story import SCOPE, Story, staged


def test_a_first_ship_serves() -> None:
    story = Story()
    report = story.ship("one")
    assert (report.outcome, report.exit_code) == (Outcome.SUCCEEDED, 0)
    assert story.serving() == ("one", 100)
    assert report.serving == report.release
    assert report.proven


def test_shipping_the_same_again_changes_nothing() -> None:
    story = Story()
    story.ship("one")
    before = story.memory.world.changes
    report = story.ship("one")
    assert (report.outcome, report.exit_code) == (Outcome.UNCHANGED, 0)
    assert story.memory.world.changes == before


def test_force_makes_a_new_release_of_the_same() -> None:
    story = Story()
    first = story.ship("one")
    again = story.ship("one", force=True)
    assert again.outcome is Outcome.SUCCEEDED
    assert again.release != first.release


def test_a_changed_variable_is_shipped() -> None:
    story = Story()
    story.ship("one", env={"A": "1"})
    assert story.ship("one", env={"A": "2"}).outcome is Outcome.SUCCEEDED


def test_oracle_07_a_variable_removed_here_disappears_there() -> None:
    story = Story()
    story.ship("one", env={"A": "1", "B": "2"})
    story.ship("one", env={"A": "1"})
    live = story.memory.observe(SCOPE).live
    assert live is not None
    assert live.spec is not None
    assert live.spec.env == {"A": "1"}


def test_a_changed_secret_value_is_shipped() -> None:
    story = Story()
    story.ship("one", secrets={"KEY": SecretRef(ref="old")})
    assert story.ship("one", secrets={"KEY": SecretRef(ref="new")}).outcome is Outcome.SUCCEEDED


def test_stages_are_walked_in_order() -> None:
    story = Story(policy=staged(10, 50, 100))
    story.ship("one")
    story.ship("two")
    shifts = [
        e.action.weights[0].percent
        for e in story.events
        if isinstance(e, Started) and isinstance(e.action, ShiftTraffic)
    ]
    assert shifts == [10, 50, 100]
    assert story.serving() == ("two", 100)


def test_the_bake_time_is_watched() -> None:
    story = Story(policy=Policy(rollout=Rollout(bake=Seconds(300))))
    story.ship("one")
    began = story.time
    story.ship("two")
    assert story.time - began >= 300


def test_the_release_command_runs_once_and_before_traffic() -> None:
    command = ReleaseCommand(command=("migrate",))
    story = Story(policy=Policy(release_command=command))
    report = story.ship("one")
    kinds = [type(e.action) for e in story.events if isinstance(e, Started)]
    assert kinds.index(RunTask) < kinds.index(ShiftTraffic)
    assert story.memory.world.tasks == {report.release: 1}
    assert report.task_ran


def test_old_revisions_are_kept_and_older_ones_removed() -> None:
    story = Story(policy=Policy(keep=2))
    for tag in ("one", "two", "three", "four", "five"):
        story.ship(tag)
    left = {r.image.tag for r in story.memory.observe(SCOPE).revisions}
    assert left == {"three", "four", "five"}


def test_the_records_tell_the_story() -> None:
    story = Story()
    story.ship("one")
    story.ship("crash")
    story.ship("two")
    story.rollback()
    entries = Ledger(story.memory.store(SCOPE)).history()
    told = [(e.intent.kind, e.conclusion.outcome if e.conclusion else None) for e in entries]
    assert told == [
        ("ship", Outcome.SUCCEEDED),
        ("ship", Outcome.FAILED_NOTHING_CHANGED),
        ("ship", Outcome.SUCCEEDED),
        ("rollback", Outcome.SUCCEEDED),
    ]
