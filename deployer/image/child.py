"""One child process in a group of its own, its lines as they come, and its certain end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from deployer.secret import redact

GRACE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended. `late` is True if we ended it because of its time limit."""

    status: int
    late: bool


def run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
    timeout: float,
) -> Ended:
    """Run `argv`, give each line of its output to `on_line` (secrets masked), for at most
    `timeout` seconds. Whatever happens, also in `on_line`, nothing of it is left running."""
    with _group(argv, environment) as child, _limit(child, timeout) as late:
        assert child.stdout is not None
        for line in child.stdout:
            on_line(redact(line.rstrip("\n")))
        status = child.wait()
    return Ended(status, late.is_set())


@contextmanager
def _group(argv: Sequence[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    # its own session: the terminal's Ctrl-C reaches us alone, and we end the whole group
    child = subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(environment),
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        yield child
    finally:
        end(child)
        assert child.stdout is not None
        child.stdout.close()


@contextmanager
def _limit(child: subprocess.Popen[str], timeout: float) -> Iterator[threading.Event]:
    late = threading.Event()

    def expire() -> None:
        late.set()
        end(child)

    timer = threading.Timer(timeout, expire)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def end(child: subprocess.Popen[str]) -> None:
    """End the child's whole group: politely, then after three seconds for certain."""
    if child.poll() is not None:
        return
    _signal(child, signal.SIGTERM)
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        _signal(child, signal.SIGKILL)
        child.wait()


def _signal(child: subprocess.Popen[str], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)
