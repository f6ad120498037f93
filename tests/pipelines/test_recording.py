"""What is recorded, what happens where that fails, and who may change anything at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from deployer.actions import Action, CreateRevision, Destroy, Retire, ShiftTraffic
from deployer.errors import AuthError, Busy, DeployerError, PreflightError, Transient
from deployer.events import Event, Report, Started
from deployer.model import Observed, ReleaseCommand, Scope
from deployer.outcome import Outcome
from deployer.plan import Policy
from deployer.releases.lease import Lease
from deployer.releases.ledger import Ledger
from deployer.releases.owner import this_process
from deployer.releases.store import MemoryStore
from deployer_pipelines import verbs
from deployer_pipelines.job import Job
from tests.support.meddled import Meddled, raising
from tests.support.story import SCOPE, Story, spec_of


class Failing(MemoryStore):
    """A store that does not take keys with a certain word in them."""

    word = ""

    def create(self, key: str, data: bytes) -> bool:
        if self.word and self.word in key:
            raise Transient("the store is away")
        return super().create(key, data)


@dataclass
class Kept(Story):
    """A story whose store can fail."""

    kept: Failing = field(default_factory=Failing)

    def job(self) -> Job:
        return replace(super().job(), store=self.kept)


def test_without_a_recorded_intent_nothing_is_changed() -> None:
    story = Kept()
    story.kept.word = "intent"
    report = story.ship("one")
    assert (report.outcome, report.exit_code) == (Outcome.FAILED_NOTHING_CHANGED, 75)
    assert story.memory.world.changes == 0


def test_a_success_that_cannot_be_recorded_is_told_and_safe_to_run_again() -> None:
    story = Kept()
    story.kept.word = "conclusion"
    report = story.ship("one")
    assert (report.outcome, report.exit_code) == (Outcome.UNKNOWN, 75)
    assert report.serving == report.release
    assert report.problem is not None
    assert "could not be recorded" in report.problem.what
    story.kept.word = ""
    again = story.ship("one")
    assert (again.outcome, again.release) == (Outcome.SUCCEEDED, report.release)


def test_a_rollback_that_cannot_be_recorded_is_still_told_as_one() -> None:
    story = Kept()
    story.ship("one")
    story.kept.word = "conclusion"
    report = story.ship("turns")
    assert (report.outcome, report.exit_code) == (Outcome.FAILED_ROLLED_BACK, 5)
    assert story.serving() == ("one", 100)


def test_a_lease_that_cannot_be_given_back_is_no_failure() -> None:
    story = Kept()

    def away(action: Action) -> None:
        if isinstance(action, Retire):
            story.kept.word = "lease"

    story.provider = Meddled(start=away)
    story.ship("one")
    assert story.ship("two").outcome is Outcome.SUCCEEDED


def test_a_short_fault_while_taking_the_lease_is_waited_out() -> None:
    story = Kept()
    story.kept.word = "lease"
    naps = [0]

    def sleep(seconds: float) -> None:
        naps[0] += 1
        story.time += seconds
        story.kept.word = "" if naps[0] > 4 else "lease"

    job = story.job()
    job = replace(job, hands=replace(job.hands, sleep=sleep))
    assert story.run(verbs.ship(job, spec_of("one"))).outcome is Outcome.SUCCEEDED


def test_f18_once_the_lease_is_lost_nothing_is_changed_not_even_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held: list[Lease] = []
    monkeypatch.setattr(Lease, "keep", lambda lease: held.append(lease))

    def lose(action: Action) -> None:
        """Somebody takes the lease while version `turns` is made, and renewing tells us."""
        if isinstance(action, CreateRevision) and action.spec.image.tag == "turns":
            theirs = Lease(story.memory.store(SCOPE), this_process())
            theirs.break_open()
            theirs.take("ship of somebody else")
            held[-1]._renewals(lambda stop, seconds: False)

    story = Story(provider=Meddled(after=lose))
    story.ship("one")
    report = story.ship("turns")
    assert (report.outcome, report.exit_code) == (Outcome.UNKNOWN, 7)
    assert story.serving() == ("one", 100)
    assert [r.image.tag for r in story.memory.observe(SCOPE).revisions] == ["one", "turns"]
    there = Lease(story.memory.store(SCOPE), this_process()).look()
    assert there is not None
    assert there.what == "ship of somebody else"


@pytest.mark.parametrize("kind", [CreateRevision, ShiftTraffic, Retire])
def test_f13_credentials_that_expire_are_no_reason_to_roll_back(kind: type[Action]) -> None:
    story = Story()
    story.ship("one")
    expired = Meddled(start=raising(kind, AuthError("expired", fix="log in")))
    expired.inner = story.memory
    report = Story(provider=expired).ship("two")
    assert report.exit_code == (0 if kind is Retire else 8)
    assert Story(provider=story.memory).ship("two").outcome in (
        Outcome.SUCCEEDED,
        Outcome.UNCHANGED,
    )


def test_f16_who_comes_second_with_the_same_changes_and_records_nothing() -> None:
    story = Story()
    story.ship("one")
    second = verbs.ship(story.job(), spec_of("two"))

    inner = story.memory.observe

    def observe(scope: Scope) -> Observed:
        seen = inner(scope)  # what the second one sees; then the other is faster
        story.memory.observe = inner  # type: ignore[method-assign]
        assert story.ship("two").outcome is Outcome.SUCCEEDED
        return seen

    story.memory.observe = observe  # type: ignore[method-assign]
    assert last(second).outcome is Outcome.UNCHANGED
    assert len(Ledger(story.memory.store(SCOPE)).history()) == 2
    assert story.rollback().outcome is Outcome.SUCCEEDED
    assert story.serving() == ("one", 100)


def last(events: Iterator[Event]) -> Report:
    *_, report = events
    assert isinstance(report, Report)
    return report


def test_another_release_command_is_another_release_and_runs() -> None:
    first = Story(
        provider=Meddled(after=raising(ShiftTraffic, Transient("no answer"))),
        policy=Policy(release_command=ReleaseCommand(command=("migrate", "1"))),
    )
    lost = first.ship("one")
    second = Story(
        provider=first.memory,
        policy=Policy(release_command=ReleaseCommand(command=("migrate", "2"))),
    )
    report = second.ship("one")
    assert report.release != lost.release
    assert set(second.memory.world.tasks) == {lost.release, report.release}


def test_destroying_leaves_nothing_and_is_recorded() -> None:
    story = Story()
    story.ship("one")
    assert story.run(verbs.destroy(story.job())).outcome is Outcome.SUCCEEDED
    assert story.memory.world.scopes == {}
    assert story.ship("one").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("error", "code"), [(Busy("the lease went"), 7), (PreflightError("a volume is in use"), 6)]
)
def test_a_destroy_that_fails_puts_nothing_back_and_is_told(
    error: DeployerError, code: int
) -> None:
    story = Story(provider=Meddled(start=raising(Destroy, error)))
    story.ship("one")
    report = story.run(verbs.destroy(story.job()))
    assert (report.outcome, report.exit_code) == (Outcome.UNKNOWN, code)
    assert [type(e.action) for e in story.events if isinstance(e, Started)] == [Destroy]
    assert story.serving() == ("one", 100)


def test_records_that_cannot_be_deleted_are_told_in_the_report() -> None:
    def stuck(action: Action) -> None:
        if isinstance(action, Destroy) and action.records:
            raise AuthError("not allowed to delete the volume")

    story = Story(provider=Meddled(start=stuck))
    story.ship("one")
    report = story.run(verbs.destroy(story.job(), records=True))
    assert (report.outcome, report.exit_code) == (Outcome.UNKNOWN, 8)
