"""Ctrl-C, SIGTERM, a second one, and readers that go away: bounded, told, and to be continued.

Timings are waits with a bound, and the bound is the promise: five seconds.
"""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from queue import Empty, Queue

import pytest

from tests.cli.conftest import IMAGE, Shop

PROMISED = 5.0  # seconds from the first signal to the end
AT_ONCE = 1.0  # seconds from a second signal to the end
PATIENCE = 30.0  # seconds that a step may take to begin on a busy machine


class Running:
    """A command whose stderr is read while it runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.err = ""
        self._lines: Queue[str] = Queue()
        self._out: list[str] = []
        self._threads = [threading.Thread(target=read) for read in (self._read, self._read_out)]
        for thread in self._threads:
            thread.start()

    def until(self, words: str, seconds: float = PATIENCE) -> None:
        """Wait until stderr says `words`."""
        end = time.monotonic() + seconds
        while words not in self.err:
            try:
                self.err += self._lines.get(timeout=max(0.01, end - time.monotonic()))
            except Empty:
                raise AssertionError(f"{words!r} was not said:\n{self.err}") from None

    def ended(self, seconds: float) -> int:
        """The exit code. Fails if the process is not gone after `seconds`."""
        code = self.process.wait(timeout=seconds)
        for thread in self._threads:
            thread.join()
        while not self._lines.empty():
            self.err += self._lines.get()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream
            stream.close()
        return code

    @property
    def out(self) -> str:
        return "".join(self._out)

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self._lines.put(line)

    def _read_out(self) -> None:
        assert self.process.stdout
        self._out += list(self.process.stdout)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_answered_ended_and_continued(shop: Shop, number: signal.Signals) -> None:
    shop("ship")
    before = shop.live()
    shop.paced(20)
    run = Running(shop.start("ship", "--image", f"{IMAGE}:two", "--json"))
    run.until("prepare the place")
    run.process.send_signal(number)
    run.until("no new change begins", 2.0)
    assert run.ended(PROMISED) == 128 + number
    assert "in flight: default/here/api: prepare the place" in run.err
    document = json.loads(run.out)
    assert document["exit_code"] == 128 + number
    assert document["targets"][0]["serving"] == before
    assert shop.live() == before
    shop.paced(0)
    assert shop.ship("two").code == 0
    assert shop.live() != before


def test_a_second_signal_ends_it_at_once_and_the_next_run_goes_on(shop: Shop) -> None:
    shop.paced(20)
    run = Running(shop.start("ship"))
    run.until("prepare the place")
    run.process.send_signal(signal.SIGINT)
    run.until("a second signal exits now", 2.0)
    run.process.send_signal(signal.SIGINT)
    assert run.ended(AT_ONCE) == 130
    shop.paced(0)
    assert shop("ship").code == 0


def test_several_targets_are_all_reported_after_a_signal(shop: Shop) -> None:
    shop.two(polls=20)
    run = Running(shop.start("ship", "--json"))
    run.until("default/there/api: prepare")
    run.until("default/here/api: prepare")
    run.process.send_signal(signal.SIGTERM)
    assert run.ended(PROMISED) == 143
    assert len(json.loads(run.out)["targets"]) == 2


def test_the_process_ends_even_if_a_provider_never_answers(shop: Shop) -> None:
    (shop.packages_of_this_test() / "deployer_memory.py").write_text(STUCK)
    run = Running(shop.start("ship", "--json"))
    run.until("prepare the place")
    run.process.send_signal(signal.SIGINT)
    assert run.ended(PROMISED + 1) == 130  # one more second for a busy machine to end a process
    document = json.loads(run.out)
    assert document["outcome"] == "unknown"
    assert document["targets"][0]["next"][0].startswith("deployer status")


@pytest.mark.parametrize("verb", ["status", "plan", "releases"])
def test_looking_can_be_stopped_at_any_time(shop: Shop, verb: str) -> None:
    (shop.packages_of_this_test() / "deployer_memory.py").write_text(STUCK)
    run = Running(shop.start(verb, "--json", "--color", "never"))
    run.until("looking")
    run.process.send_signal(signal.SIGINT)
    assert run.ended(PROMISED) == 130
    assert json.loads(run.out)["error"]["what"] == "stopped by Ctrl-C"


def test_a_signal_while_waiting_for_a_lock_changes_nothing(shop: Shop) -> None:
    shop("ship")
    shop.paced(20)
    holder = Running(shop.start("ship", "--image", f"{IMAGE}:two"))
    holder.until("prepare the place")
    run = Running(shop.start("ship", "--image", f"{IMAGE}:three"))
    run.until("default/here/api")
    run.process.send_signal(signal.SIGINT)
    assert run.ended(PROMISED) == 130
    holder.process.send_signal(signal.SIGINT)
    assert holder.ended(PROMISED) == 130


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_deployment_goes_on_when_nobody_reads_any_more(shop: Shop, stream: str) -> None:
    process = shop.start("ship")
    getattr(process, stream).close()
    setattr(process, stream, None)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Exception" not in (err or "")
    assert shop.live() is not None


@pytest.mark.parametrize("redirect", [">&-", "2>&-", ">&- 2>&-", "| head -1"])
@pytest.mark.parametrize("verb", ["releases", "--help", "status --json", "ship"])
def test_closed_streams_are_no_failure(shop: Shop, verb: str, redirect: str) -> None:
    shop("ship")
    done = shop.shell(f"{verb} {redirect}")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_a_full_disk_is_told(shop: Shop) -> None:
    shop("ship")
    done = shop.shell("ship > /dev/full")
    assert done.returncode == 0  # the promise is kept, although nobody can read so
    assert "the output could not be written: No space left on device" in done.stderr
    assert shop.shell("--help > /dev/full").returncode == 3


STUCK = """
import sys
import time
from deployer.testing import memory

class Stuck(memory.Memory):
    def observe(self, scope):
        if sys.argv[1] != "ship":
            print("looking", file=sys.stderr, flush=True)
            time.sleep(600)
        return super().observe(scope)

    def check(self, operation):
        time.sleep(600)

def connect(options):
    return Stuck()
"""
