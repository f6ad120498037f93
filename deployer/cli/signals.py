"""Ctrl-C and SIGTERM: answer at once, begin nothing new, be gone within five seconds.

The handlers themselves do nothing. Python writes each signal's number into a pipe even while the
main thread is inside foreign code (`signal.set_wakeup_fd`), and a thread of ours acts on it: a
handler that took a lock could wait for the very code that it interrupted.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from deployer.execute import Cancel

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE = 4.2  # seconds from the first signal until the process is ended; five are promised


class Brake:
    """While entered, the first signal sets `cancel`, and a second one ends the process.

    `announce` is called with the signal at once, and what it gives says so. `abandon` is called
    when the time is over and the run has not ended by itself: it writes what is known, and gives
    the exit code.
    """

    def __init__(
        self, announce: Callable[[int], Callable[[], None]], abandon: Callable[[int], int]
    ) -> None:
        self.cancel = Cancel()
        self.pulled = False
        self.grace = 0.0  # nothing has begun yet: there is nothing to wait for
        self._announce, self._abandon = announce, abandon
        self._ending = threading.Lock()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Brake:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, _nothing) for number in SIGNALS}
        threading.Thread(target=self._watch, name="signals", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Back to the handlers of before; once a signal has come, it keeps its deadline."""
        if self.pulled:
            return
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)

    def begin(self) -> None:
        """From now on things are under way, and get time to end in order."""
        self.grace = GRACE

    def last_word(self) -> None:
        """Only one may tell how it ended. If the time was over first, this waits for the exit."""
        if not self._ending.acquire(blocking=False):
            time.sleep(60)

    def _watch(self) -> None:
        number = os.read(self._read, 1)[0]
        self.pulled = True
        until = time.monotonic() + self.grace
        say = self._announce(number)  # looked up first: once stopped, nothing is in flight
        self.cancel.set(number)
        say()
        ready, _, _ = select.select([self._read], [], [], max(0.0, until - time.monotonic()))
        if ready:
            os._exit(128 + os.read(self._read, 1)[0])
        if self._ending.acquire(blocking=False):
            os._exit(self._abandon(number))
        time.sleep(0.3)  # the main thread is writing its last lines
        os._exit(128 + number)


def _nothing(number: int, frame: FrameType | None) -> None:
    """A handler must exist for the number to be written to the pipe."""
