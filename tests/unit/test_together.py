"""Several runs as one stream: nothing is lost, errors come last, a signal has an end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from deployer.errors import Interrupted, RolloutFailed
from deployer.events import Event, Said
from deployer.execute import Cancel
from deployer_pipelines import together
from deployer_pipelines.together import side_by_side, streamed


def says(*words: str, then: BaseException | None = None) -> Iterator[Event]:
    for word in words:
        yield Said(text=word)
    if then:
        raise then


def texts(events: Iterator[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Said)]


def test_every_event_comes_and_each_run_keeps_its_order() -> None:
    names = [[f"{run}{i:03}" for i in range(100)] for run in "abc"]
    told = texts(side_by_side([says(*n) for n in names], Cancel()))
    assert sorted(told) == sorted(name for run in names for name in run)
    for run in names:
        assert [name for name in told if name[0] == run[0][0]] == run


def test_one_run_stays_in_this_thread() -> None:
    where: list[int] = []

    def run() -> Iterator[Event]:
        where.append(threading.get_ident())
        yield Said(text="a")

    assert texts(side_by_side([run()], Cancel())) == ["a"]
    assert where == [threading.get_ident()]
    assert texts(side_by_side([], Cancel())) == []


def test_they_run_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=5)

    def run(name: str) -> Iterator[Event]:
        both.wait()
        yield Said(text=name)

    assert sorted(texts(side_by_side([run("a"), run("b")], Cancel()))) == ["a", "b"]


@pytest.mark.parametrize("error", [RolloutFailed("bad"), KeyError("a bug"), SystemExit(3)])
def test_an_error_is_raised_when_the_others_have_ended(error: BaseException) -> None:
    told: list[str] = []
    runs = [says("a", then=error), says(*map(str, range(50)))]
    with pytest.raises(type(error)) as raised:
        told.extend(e.text for e in side_by_side(runs, Cancel()) if isinstance(e, Said))
    assert raised.value is error


def test_nothing_is_lost_before_an_error() -> None:
    events = side_by_side([says("a", then=RolloutFailed("bad")), says("b", "c")], Cancel())
    told = texts(until_it_fails(events))
    assert sorted(told) == ["a", "b", "c"]


def until_it_fails(events: Iterator[Event]) -> Iterator[Event]:
    with pytest.raises(RolloutFailed):
        yield from events


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "LOOK", 0.001)
    monkeypatch.setattr(together, "GRACE", 0.01)


@pytest.mark.usefixtures("impatient")
def test_after_a_signal_a_run_that_hangs_is_left_behind() -> None:
    cancel, hung = Cancel(), threading.Event()

    def hangs() -> Iterator[Event]:
        hung.wait(30)
        yield Said(text="too late")

    cancel.set(signal.SIGTERM)
    with pytest.raises(Interrupted) as raised:
        list(side_by_side([hangs(), says("a")], cancel))
    assert raised.value.exit_code == 143
    hung.set()


@pytest.mark.usefixtures("impatient")
def test_without_a_signal_a_slow_run_is_waited_for() -> None:
    done = threading.Event()

    def slow() -> Iterator[Event]:
        done.wait(0.1)
        yield Said(text="at last")

    assert "at last" in texts(side_by_side([slow(), says("a")], Cancel()))


def collected(
    work: Callable[[Callable[[Event], None]], int], cancel: Cancel
) -> tuple[int, list[str]]:
    told: list[str] = []

    def run() -> Iterator[Event]:
        results.append((yield from streamed(work, cancel)))

    results: list[int] = []
    told.extend(texts(run()))
    return results[0], told


def test_work_in_a_thread_tells_and_returns() -> None:
    def work(emit: Callable[[Event], None]) -> int:
        emit(Said(text="a"))
        emit(Said(text="b"))
        return 42

    assert collected(work, Cancel()) == (42, ["a", "b"])


def test_an_error_of_the_work_is_ours() -> None:
    def work(emit: Callable[[Event], None]) -> int:
        raise RolloutFailed("bad")

    with pytest.raises(RolloutFailed):
        collected(work, Cancel())


def test_after_a_signal_the_work_can_tell_nothing_more() -> None:
    cancel = Cancel()

    def work(emit: Callable[[Event], None]) -> int:
        emit(Said(text="a"))
        cancel.set(signal.SIGINT)
        emit(Said(text="b"))
        return 1

    with pytest.raises(Interrupted):
        collected(work, cancel)
