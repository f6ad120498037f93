"""What is bad never stays: failures told as stories on the in-memory provider."""

from __future__ import annotations

from deployer.actions import Action, Remove, ShiftTraffic
from deployer.diagnose import Answer, Signs
from deployer.errors import RolloutFailed, Transient
from deployer.events import Started
from deployer.model import ReleaseCommand, Rollout
from deployer.outcome import Outcome
from deployer.plan import Policy
from deployer.quantity import Seconds
from tests.support.meddled import Meddled, raising, with_an_outside
from tests.support.story import GOOD, SCOPE, Story


def test_a_crash_never_takes_over() -> None:
    story = Story()
    story.ship("one")
    report = story.ship("crash")
    assert (report.outcome, report.exit_code) == (Outcome.FAILED_NOTHING_CHANGED, 3)
    assert story.serving() == ("one", 100)
    assert report.problem is not None
    assert report.problem.evidence
    assert len(story.memory.observe(SCOPE).revisions) == 1


def test_what_is_never_healthy_never_takes_over() -> None:
    story = Story()
    story.ship("one")
    assert story.ship("sick").outcome is Outcome.FAILED_NOTHING_CHANGED
    assert story.serving() == ("one", 100)


def test_oracle_10_what_fails_at_full_traffic_is_rolled_back() -> None:
    story = Story()
    first = story.ship("one")
    report = story.ship("turns")
    assert (report.outcome, report.exit_code) == (Outcome.FAILED_ROLLED_BACK, 5)
    assert story.serving() == ("one", 100)
    assert report.serving == first.release
    shifts = [e for e in story.events if isinstance(e, Started)]
    assert sum(isinstance(e.action, ShiftTraffic) for e in shifts) == 2


def test_oracle_10_a_failing_rollback_is_told_and_not_repeated() -> None:
    moves: list[Action] = []

    def meddle(action: Action) -> None:
        if isinstance(action, ShiftTraffic):
            moves.append(action)
            if len(moves) == 3:
                raise RolloutFailed("the edge is gone")

    story = Story(provider=Meddled(start=meddle))
    story.ship("one")
    report = story.ship("turns")
    assert (report.outcome, report.exit_code) == (Outcome.FAILED_ROLLBACK_FAILED, 6)
    assert len(moves) == 3


def test_a_first_deploy_that_fails_leaves_nothing() -> None:
    story = Story()
    report = story.ship("turns")
    assert (report.outcome, report.exit_code) == (Outcome.FAILED_NOTHING_CHANGED, 3)
    assert story.memory.world.scopes == {}
    assert story.memory.world.ready == ()


def test_a_bad_answer_from_outside_is_enough_to_fail() -> None:
    story = Story()
    story.ship("one")
    story.answer = lambda endpoint: Answer(kind="status", status=404)
    with_an_outside(story)
    report = story.ship("two")
    assert report.outcome is Outcome.FAILED_NOTHING_CHANGED
    assert report.problem is not None
    assert "does not exist" in report.problem.what
    assert story.serving() == ("one", 100)


def test_on_failure_stop_leaves_it_for_a_person() -> None:
    story = Story()
    story.ship("one")
    story.policy = Policy(rollout=Rollout(on_failure="stop"))
    report = story.ship("turns")
    assert (report.outcome, report.exit_code) == (Outcome.UNKNOWN, 6)
    assert story.serving() == ("turns", 100)


def test_a_failing_release_command_stops_before_any_revision() -> None:
    story = Story()
    story.ship("one")
    story.policy = Policy(release_command=ReleaseCommand(command=("migrate",)))
    report = story.ship("fails")
    assert (report.outcome, report.exit_code) == (Outcome.FAILED_NOTHING_CHANGED, 3)
    assert report.task_ran
    assert story.serving() == ("one", 100)


def test_leftovers_that_stay_do_not_turn_success_into_failure() -> None:
    class Stuck(Meddled):
        keep = 0

    story = Story(provider=Stuck(start=raising(Remove, RolloutFailed("in use"))))
    story.ship("one")
    story.policy = Policy(keep=0)
    report = story.ship("two")
    assert report.outcome is Outcome.SUCCEEDED
    assert story.serving() == ("two", 100)


def test_a_log_that_cannot_be_read_does_not_keep_the_bad_one_serving() -> None:
    story = Story(policy=Policy(rollout=Rollout(bake=Seconds(600))))
    story.ship("one")
    began = story.time

    def explain(scope: object, release: object) -> Signs:
        raise Transient("the log service is down")

    story.memory.explain = explain  # type: ignore[method-assign]
    story.answer = lambda endpoint: (
        GOOD if story.time - began < 60 or story.serving()[0] == "one" else Answer(kind="refused")
    )
    with_an_outside(story)
    report = story.ship("two")
    assert (report.outcome, report.exit_code) == (Outcome.FAILED_ROLLED_BACK, 5)
    assert story.serving() == ("one", 100)
