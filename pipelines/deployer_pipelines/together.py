"""Several runs side by side as one stream of events: a thread each, one queue."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from deployer.events import Event
from deployer.execute import Cancel

T = TypeVar("T")
LOOK = 0.2  # seconds between two looks at whether a signal came
GRACE = 4.0  # seconds that runs get to end after a signal: the promise is five


@dataclass(frozen=True, slots=True)
class _Ended:
    error: BaseException | None = None


def side_by_side(runs: Sequence[Iterator[Event]], cancel: Cancel) -> Iterator[Event]:
    """The events of all `runs` as they come. An error in one is raised when all have ended.

    After a signal, runs that do not end within `GRACE` are left behind.
    """
    if len(runs) == 1:
        yield from runs[0]
        return
    events: queue.Queue[Event | _Ended] = queue.Queue()
    for run in runs:
        threading.Thread(target=_drain, args=(run, events), daemon=True).start()
    yield from _collect(events, len(runs), cancel)


def streamed(
    work: Callable[[Callable[[Event], None]], T], cancel: Cancel
) -> Generator[Event, None, T]:
    """Run `work(emit)` in a thread, yielding what it emits; returns what it returns.

    After a signal, `emit` raises Interrupted inside `work`, and so do we here.
    """
    results: list[T] = []
    events: queue.Queue[Event | _Ended] = queue.Queue()

    def emit(event: Event) -> None:
        cancel.check()
        events.put(event)

    def run() -> Iterator[Event]:
        results.append(work(emit))
        yield from ()

    threading.Thread(target=_drain, args=(run(), events), daemon=True).start()
    yield from _collect(events, 1, cancel)
    return results[0]


def _drain(run: Iterator[Event], events: queue.Queue[Event | _Ended]) -> None:
    try:
        for event in run:
            events.put(event)
    except BaseException as error:
        events.put(_Ended(error))
    else:
        events.put(_Ended())


def _collect(events: queue.Queue[Event | _Ended], running: int, cancel: Cancel) -> Iterator[Event]:
    errors: list[BaseException] = []
    patience = GRACE
    while running:
        try:
            event = events.get(timeout=LOOK)
        except queue.Empty:
            if cancel.is_set():
                patience -= LOOK
                if patience <= 0:
                    cancel.check()
            continue
        if isinstance(event, _Ended):
            running -= 1
            if event.error:
                errors.append(event.error)
        else:
            yield event
    if errors:
        raise errors[0]
