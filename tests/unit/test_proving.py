"""When a revision counts as proven, and when it never will."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

import pytest
from msgspec.structs import replace

from deployer.actions import CreateRevision, ShiftTraffic, Verify, Weight
from deployer.diagnose import Answer
from deployer.errors import RolloutFailed, Transient
from deployer.execute import Hands, Pace, perform
from deployer.model import Health, Proof, Spec
from deployer.provider import Endpoint, Operation, Progress
from deployer.quantity import Seconds
from deployer.testing.memory import Memory
from tests.support.story import SCOPE, spec_of

HEALTH = Health(path="/health", interval=Seconds(10), timeout=Seconds(5), retries=3)
SPEC = replace(spec_of("one"), health=HEALTH)
OK = Answer(kind="ok", status=200)
REFUSED = Answer(kind="refused", detail="connection refused")


def status(code: int) -> Answer:
    return Answer(kind="status", status=code, detail=f"HTTP {code}")


class Proving:
    """One revision that serves, a clock, and what the outside and the platform say at a time."""

    def __init__(
        self,
        outside: Callable[[float], Answer] = lambda time: OK,
        platform: Callable[[float], bool] = lambda time: True,
        spec: Spec = SPEC,
    ) -> None:
        self.time, self.asked = 0.0, list[float]()
        self.outside, self.spec = outside, spec
        self.memory = Served(self, platform)

    def prove(self, hold: float = 0.0) -> float:
        """Seconds until it was proven and held. Raises RolloutFailed if it never is."""
        action = Verify(release="r1", spec=self.spec, stage="serving", hold=Seconds(hold))
        hands = Hands(
            provider=self.memory,
            pace=Pace(deadline=600),
            now=lambda: self.time,
            sleep=self.sleep,
            ask=self.ask,
        )
        began = self.time
        list(perform(action, SCOPE, hands))
        return self.time - began

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def ask(self, endpoint: Endpoint, health: Health) -> Answer:
        self.asked.append(self.time)
        return self.outside(self.time)


class Served(Memory):
    """r1 has all traffic; the platform's word on it depends on the time."""

    def __init__(self, story: Proving, platform: Callable[[float], bool]) -> None:
        super().__init__(polls=0)
        self.story, self.platform = story, platform
        self.start(CreateRevision(release="r1", spec=SPEC))
        weights = (Weight(release="r1", percent=100),)
        self.start(ShiftTraffic(scope=SCOPE, weights=weights))

    def check(self, operation: Operation) -> Progress:
        seen = super().check(operation)
        done = seen.done and self.platform(self.story.time)
        return replace(seen, done=done, endpoint=Endpoint(url="http://127.0.0.1"))


def test_two_good_answers_in_a_row_prove_it() -> None:
    story = Proving()
    story.prove()
    assert len(story.asked) == 2


def test_a_bad_answer_between_two_good_ones_starts_anew() -> None:
    answers = iter([OK, REFUSED, OK, OK])
    story = Proving(lambda time: next(answers))
    story.prove()
    assert len(story.asked) == 4


def test_while_the_platform_calls_it_unwell_nobody_is_asked() -> None:
    well = iter([False, False, True])
    story = Proving(platform=lambda time: next(well))
    story.prove()
    assert len(story.asked) == 2


@pytest.mark.parametrize(("proof", "port"), [(Proof.PLATFORM, 8000), (Proof.OUTSIDE, None)])
def test_where_the_platform_is_the_proof_nobody_is_asked(proof: Proof, port: int | None) -> None:
    story = Proving(lambda time: REFUSED, spec=replace(SPEC, verify=proof, port=port))
    story.prove()
    assert story.asked == []


def test_what_boots_slowly_is_waited_for() -> None:
    assert 40 < Proving(lambda time: OK if time > 40 else REFUSED).prove() < 50


def test_what_is_never_well_fails_when_its_health_check_would() -> None:
    story = Proving(lambda time: REFUSED)
    with pytest.raises(RolloutFailed, match="nothing answers on port"):
        story.prove()
    assert HEALTH.budget < story.time < HEALTH.budget + 4


@pytest.mark.parametrize("code", [401, 403, 404, 405, 410])
def test_an_answer_that_waiting_does_not_heal_ends_it_soon(code: int) -> None:
    story = Proving(lambda time: status(code))
    with pytest.raises(RolloutFailed):
        story.prove()
    assert 10 < story.time < 15


def test_a_404_that_goes_away_is_no_end() -> None:
    assert Proving(lambda time: status(404) if time < 8 else OK).prove() > 8


@pytest.mark.parametrize("between", [status(503), REFUSED, OK])
def test_only_the_same_answer_without_a_break_is_settled(between: Answer) -> None:
    answers = cycle([status(404), status(404), status(404), between])

    def outside(time: float) -> Answer:
        return OK if time > 30 else next(answers)

    assert Proving(outside).prove() > 27


def test_a_404_of_somebody_elses_is_not_ours() -> None:
    theirs = Answer(kind="other-release", status=404, detail="nobody known answered")
    assert Proving(lambda time: theirs if time < 20 else OK).prove() > 20


def test_it_is_watched_for_as_long_as_asked() -> None:
    story = Proving()
    assert 300 <= story.prove(hold=300) < 304
    gaps = [b - a for a, b in zip(story.asked, story.asked[1:], strict=False)]
    assert max(gaps) <= 3 + 1e-6


def test_as_many_bad_answers_as_its_health_allows_end_the_watch() -> None:
    story = Proving(lambda time: OK if time < 60 else status(500))
    with pytest.raises(RolloutFailed, match="answers with an error"):
        story.prove(hold=300)
    assert 60 < story.time < 75


def test_fewer_bad_answers_do_not() -> None:
    story = Proving(lambda time: REFUSED if 60 < time < 65 else OK)
    assert story.prove(hold=300) >= 300


def test_a_platform_that_calls_it_unwell_ends_the_watch_too() -> None:
    story = Proving(platform=lambda time: time < 60)
    with pytest.raises(RolloutFailed):
        story.prove(hold=300)
    assert 60 < story.time < 75


def test_it_is_well_at_the_end_of_the_watch_or_it_is_not_proven() -> None:
    story = Proving(lambda time: OK if time < 299 else REFUSED)
    with pytest.raises(RolloutFailed):
        story.prove(hold=300)


def test_evidence_that_cannot_be_had_hides_no_failure() -> None:
    story = Proving(lambda time: REFUSED)
    calls = [0]

    def explain(scope: object, release: object) -> object:
        calls[0] += 1
        raise Transient("the log service is down")

    story.memory.explain = explain  # type: ignore[method-assign, assignment]
    with pytest.raises(RolloutFailed, match="nothing answers"):
        story.prove()
    assert calls[0] > 1
