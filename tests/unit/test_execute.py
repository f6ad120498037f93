"""The only loop: patience, deadlines, cancelling, and the lease in front of every change."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from deployer.actions import (
    Action,
    CreateRevision,
    Ensure,
    Plan,
    RunTask,
    ShiftTraffic,
    Verify,
    Weight,
)
from deployer.errors import (
    Busy,
    Conflict,
    DeadlineExceeded,
    DeployerError,
    Interrupted,
    RolloutFailed,
    Transient,
)
from deployer.events import Event, Finished, Output, Started, Waiting
from deployer.execute import Cancel, Hands, Pace, execute, patiently, perform
from deployer.model import ReleaseCommand
from deployer.quantity import Seconds
from deployer.testing.memory import Memory
from tests.support.meddled import Meddled, raising
from tests.support.story import SCOPE, spec_of

SPEC = spec_of("one")
CREATE = CreateRevision(release="r1", spec=SPEC)
SHIFT = ShiftTraffic(scope=SCOPE, weights=(Weight(release="r1", percent=100),))
TASK = RunTask(
    release="r1", spec=SPEC, command=ReleaseCommand(command=("x",), timeout=Seconds(60))
)


@dataclass
class Clock:
    """Time that passes only by sleeping."""

    time: float = 0.0
    naps: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.naps.append(seconds)


def hands(provider: Memory | Meddled, clock: Clock, **more: object) -> Hands:
    made = {"pace": Pace(deadline=100), "now": clock.now, "sleep": clock.sleep, **more}
    return Hands(provider=provider, **made)  # type: ignore[arg-type]


def test_an_action_is_begun_looked_at_and_finished() -> None:
    clock = Clock()
    events = list(perform(CREATE, SCOPE, hands(Memory(polls=2), clock)))
    assert [type(e) for e in events] == [Started, Waiting, Finished]
    assert isinstance(events[-1], Finished)
    assert events[-1].seconds == pytest.approx(clock.time)


def test_what_a_task_prints_is_passed_on() -> None:
    events = list(perform(TASK, SCOPE, hands(Memory(), Clock())))
    assert [e.line for e in events if isinstance(e, Output)] == ["migrated"]


def test_looks_get_rarer_up_to_a_limit() -> None:
    clock = Clock()
    list(perform(CREATE, SCOPE, hands(Memory(polls=20), clock)))
    assert clock.naps == sorted(clock.naps)
    assert (clock.naps[0], clock.naps[-1]) == (0.1, 3.0)


@pytest.mark.parametrize(("action", "seconds"), [(CREATE, 100), (TASK, 90)])
def test_what_never_ends_is_left_with_a_way_to_follow_it(action: Action, seconds: float) -> None:
    clock = Clock()
    with pytest.raises(DeadlineExceeded, match="still not done") as raised:
        list(perform(action, SCOPE, hands(Memory(polls=10**6), clock)))
    assert seconds < clock.time < seconds + 4
    assert "deployer status" in str(raised.value.fix)


def test_a_fault_that_passes_is_waited_out_with_growing_pauses() -> None:
    clock, left = Clock(), [6]

    def attempt() -> str:
        left[0] -= 1
        if left[0]:
            raise Transient("busy")
        return "done"

    assert patiently(attempt, hands(Memory(), clock)) == "done"
    for pause, nominal in zip(clock.naps, (0.1, 0.2, 0.4, 0.8, 1.6), strict=True):
        assert nominal * 0.8 <= pause <= nominal * 1.2


def test_pauses_are_jittered_and_never_longer_than_24_seconds() -> None:
    clock = Clock()
    with pytest.raises(Transient):
        patiently(always(Transient("busy")), hands(Memory(), clock, pace=Pace(deadline=900)))
    assert max(clock.naps) <= 24
    assert len({round(nap, 6) for nap in clock.naps}) == len(clock.naps)


@pytest.mark.parametrize(("deadline", "patience"), [(900.0, 300.0), (20.0, 20.0)])
def test_patience_ends_with_the_fault_itself(deadline: float, patience: float) -> None:
    clock = Clock()
    with pytest.raises(Transient, match="busy"):
        patiently(always(Transient("busy")), hands(Memory(), clock, pace=Pace(deadline=deadline)))
    assert patience < clock.time < patience + 25


@pytest.mark.parametrize("error", [Conflict("etag"), RolloutFailed("crashed"), Busy("held")])
def test_only_what_may_pass_is_tried_again(error: DeployerError) -> None:
    clock = Clock()
    with pytest.raises(type(error)):
        patiently(always(error), hands(Memory(), clock))
    assert clock.naps == []


def always(error: Exception) -> Callable[[], str]:
    def attempt() -> str:
        raise error

    return attempt


def test_a_plan_for_another_state_is_refused_before_anything_begins() -> None:
    memory = Memory()
    plan = Plan(scope=SCOPE, release="r1", actions=(CREATE,), basis="of yesterday")
    events: list[Event] = []
    with pytest.raises(Conflict, match="changed after the plan"):
        events.extend(execute(plan, hands(memory, Clock())))
    assert (events, memory.world.changes) == ([], 0)


def test_a_plan_for_this_state_is_carried_out() -> None:
    memory = Memory()
    basis = memory.observe(SCOPE).fence
    plan = Plan(scope=SCOPE, release="r1", actions=(CREATE, SHIFT), basis=basis)
    list(execute(plan, hands(memory, Clock())))
    assert memory.observe(SCOPE).live is not None


def test_after_the_lease_is_lost_nothing_more_is_begun() -> None:
    memory, held = Memory(), [2]

    def may_change() -> None:
        held[0] -= 1
        if held[0] < 0:
            raise Busy("lost")

    plan = Plan(scope=SCOPE, release="r1", actions=(Ensure(spec=SPEC), CREATE, SHIFT), basis="")
    with pytest.raises(Busy):
        list(execute(plan, hands(memory, Clock(), may_change=may_change)))
    assert memory.observe(SCOPE).revisions == ()


def test_a_lease_lost_during_patience_lets_no_further_attempt_through() -> None:
    clock, attempts = Clock(), [0]

    def may_change() -> None:
        if clock.time > 1:
            raise Busy("lost")

    def fail(action: Action) -> None:
        attempts[0] += 1
        assert clock.time <= 1, "a change was begun without the lease"
        raise Transient("busy")

    with pytest.raises(Busy):
        list(perform(CREATE, SCOPE, hands(Meddled(start=fail), clock, may_change=may_change)))
    assert attempts[0] > 2


def test_looking_needs_no_lease() -> None:
    memory = Memory()
    list(perform(CREATE, SCOPE, hands(memory, Clock())))

    def lost() -> None:
        raise Busy("lost")

    look = Verify(release="r1", spec=SPEC, stage="candidate")
    list(perform(look, SCOPE, hands(memory, Clock(), may_change=lost)))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_an_action_keeps_it_from_beginning(number: int) -> None:
    memory, cancel = Memory(), Cancel()
    cancel.set(number)
    with pytest.raises(Interrupted) as raised:
        list(perform(CREATE, SCOPE, hands(memory, Clock(), cancel=cancel)))
    assert raised.value.exit_code == 128 + number
    assert memory.world.changes == 0


def told_until_stopped(events: Iterator[Event]) -> Iterator[Event]:
    """The events until a signal ends them, as it must."""
    with pytest.raises(Interrupted):
        yield from events


@pytest.mark.parametrize("stop", range(1, 9))
def test_a_signal_in_any_phase_lets_nothing_new_begin(stop: int) -> None:
    memory, cancel, seen = Memory(polls=2), Cancel(), list[Event]()
    plan = Plan(scope=SCOPE, release="r1", actions=(Ensure(spec=SPEC), CREATE, SHIFT), basis="")
    for event in told_until_stopped(execute(plan, hands(memory, Clock(), cancel=cancel))):
        seen.append(event)
        if len(seen) == stop:
            cancel.set(signal.SIGINT)
    assert len(seen) <= stop + 1, "it went on after the signal"
    begun = [e for e in seen if isinstance(e, Started)]
    assert len(begun) <= (stop + 2) // 3


def test_a_signal_ends_a_wait_between_attempts() -> None:
    cancel, clock = Cancel(), Clock()

    def nap(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.time > 5:
            cancel.set(signal.SIGTERM)

    busy = Meddled(check=raising(CreateRevision, Transient("busy")))
    with pytest.raises(Interrupted):
        list(perform(CREATE, SCOPE, hands(busy, clock, cancel=cancel, sleep=nap)))
    assert clock.time < 15
