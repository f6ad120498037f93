"""The policy behind every verb, told as stories on the in-memory provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deployer.actions import Action, Remove, RunTask, ShiftTraffic
from deployer.diagnose import Answer
from deployer.errors import Conflict, DeployerError, RolloutFailed, Transient, UnknownState
from deployer.events import Started
from deployer.model import ReleaseCommand, Rollout, SecretRef
from deployer.outcome import Outcome
from deployer.plan import Policy
from deployer.provider import Operation, Progress
from deployer.releases.ledger import Ledger
from deployer.testing.memory import Memory
from tests.support.story import SCOPE, Story, staged


class Meddled:
    """A provider whose `start` or `check` goes wrong where a test says so."""

    def __init__(
        self,
        start: Callable[[Action], None] = lambda action: None,
        after: Callable[[Action], None] = lambda action: None,
        check: Callable[[Action], None] = lambda action: None,
    ) -> None:
        self.inner = Memory()
        self._start, self._after, self._check = start, after, check

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def start(self, action: Action) -> Operation:
        self._start(action)
        operation = self.inner.start(action)
        self._after(action)
        return operation

    def check(self, operation: Operation) -> Progress:
        self._check(operation.action)
        return self.inner.check(operation)


def raising(kind: type[Action], error: DeployerError, times: int = 10**6) -> Any:
    """A function that raises `error` for actions of `kind`, so many times."""
    left = [times]

    def meddle(action: Action) -> None:
        if isinstance(action, kind) and left[0] > 0:
            left[0] -= 1
            raise error

    return meddle


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

    story = Story(provider=Meddled(start=meddle))  # type: ignore[arg-type]
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
    endpoint_giving(story)
    report = story.ship("two")
    assert report.outcome is Outcome.FAILED_NOTHING_CHANGED
    assert report.problem is not None
    assert "does not exist" in report.problem.what
    assert story.serving() == ("one", 100)


def endpoint_giving(story: Story) -> None:
    """Let the provider name an endpoint, so that the outside is asked."""
    from msgspec.structs import replace

    from deployer.provider import Endpoint

    inner = story.memory.check

    def check(operation: Operation) -> Progress:
        return replace(inner(operation), endpoint=Endpoint(url="http://127.0.0.1"))

    story.memory.check = check  # type: ignore[method-assign]


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
    story = Story(policy=Policy(rollout=Rollout(bake=300)))  # type: ignore[arg-type]
    story.ship("one")
    began = story.time
    story.ship("two")
    assert story.time - began >= 300


def test_on_failure_stop_leaves_it_for_a_person() -> None:
    story = Story()
    story.ship("one")
    story.policy = Policy(rollout=Rollout(on_failure="stop"))
    report = story.ship("turns")
    assert (report.outcome, report.exit_code) == (Outcome.UNKNOWN, 6)
    assert story.serving() == ("turns", 100)


def test_the_release_command_runs_once_and_before_traffic() -> None:
    command = ReleaseCommand(command=("migrate",))
    story = Story(policy=Policy(release_command=command))
    report = story.ship("one")
    kinds = [type(e.action) for e in story.events if isinstance(e, Started)]
    assert kinds.index(RunTask) < kinds.index(ShiftTraffic)
    assert story.memory.world.tasks == {report.release: 1}
    assert report.task_ran


def test_a_failing_release_command_stops_before_any_revision() -> None:
    story = Story()
    story.ship("one")
    story.policy = Policy(release_command=ReleaseCommand(command=("migrate",)))
    report = story.ship("fails")
    assert (report.outcome, report.exit_code) == (Outcome.FAILED_NOTHING_CHANGED, 3)
    assert report.task_ran
    assert story.serving() == ("one", 100)


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


def test_a_lost_answer_is_no_reason_to_roll_back() -> None:
    gone = raising(ShiftTraffic, Transient("no answer"))
    story = Story(provider=Meddled(after=gone))  # type: ignore[arg-type]
    report = story.ship("one")
    assert (report.outcome, report.exit_code) == (Outcome.UNKNOWN, 75)
    assert story.serving() == ("one", 100)


def test_the_run_after_a_lost_answer_adopts_the_release() -> None:
    story = Story(provider=Meddled(after=raising(ShiftTraffic, Transient("no answer"))))  # type: ignore[arg-type]
    first = story.ship("one")
    meddled = story.provider
    assert isinstance(meddled, Meddled)
    meddled._after = lambda action: None
    again = story.ship("one")
    assert again.outcome is Outcome.SUCCEEDED
    assert again.release == first.release


def test_a_short_fault_is_waited_out() -> None:
    story = Story(provider=Meddled(check=raising(ShiftTraffic, Transient("busy"), times=5)))  # type: ignore[arg-type]
    assert story.ship("one").outcome is Outcome.SUCCEEDED


def test_somebody_else_changing_it_is_not_fought() -> None:
    theirs = raising(ShiftTraffic, Conflict("etag"), times=1)
    story = Story(provider=Meddled(start=theirs))  # type: ignore[arg-type]
    report = story.ship("one")
    assert report.outcome is Outcome.UNKNOWN
    assert report.exit_code == 9


def test_an_unknown_operation_is_unknown() -> None:
    lost = raising(ShiftTraffic, UnknownState("never heard of it"))
    story = Story(provider=Meddled(check=lost))  # type: ignore[arg-type]
    assert story.ship("one").exit_code == 6


def test_leftovers_that_stay_do_not_turn_success_into_failure() -> None:
    class Stuck(Meddled):
        keep = 0

    story = Story(provider=Stuck(start=raising(Remove, RolloutFailed("in use"))))  # type: ignore[arg-type]
    story.ship("one")
    story.policy = Policy(keep=0)
    report = story.ship("two")
    assert report.outcome is Outcome.SUCCEEDED
    assert story.serving() == ("two", 100)


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


@pytest.mark.parametrize("number", [2, 15])
def test_a_signal_stops_changes_and_the_next_run_goes_on(number: int) -> None:
    story = Story()
    story.ship("one")

    def stop(action: Action) -> None:
        if isinstance(action, ShiftTraffic):
            story.cancel.set(number)

    story.provider = meddled = Meddled(start=stop)
    meddled.inner = Memory()
    story = Story(provider=meddled, cancel=story.cancel)  # type: ignore[arg-type]
    report = story.ship("two")
    assert report.exit_code == 128 + number
    assert report.outcome is Outcome.UNKNOWN
    after = Story(provider=meddled.inner)
    assert after.ship("two").release == report.release
