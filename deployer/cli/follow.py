"""Following a deployment: events to a view, signals to the brake, and the end to both streams."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from deployer.cli.console import Console
from deployer.cli.failing import trace
from deployer.cli.signals import Brake
from deployer.errors import DeployerError, Interrupted
from deployer.events import Event, Problem, Report, Said, describe
from deployer.model import Scope
from deployer.outcome import GOOD, Outcome, most_severe
from deployer.render.json_ import deployed, event_line
from deployer.render.lines import Lines
from deployer.render.problem import block, warning
from deployer.render.story import Chapter, Story
from deployer.render.tree import Tree
from deployer.render.words import serving, verdict

TICK = 0.25  # seconds between two signs of life of a view
GRUDGE = 0.3  # longest wait for the view while a signal is answered

Start = Callable[[Brake], Iterator[Event]]


class View(Protocol):
    """What shows events while they come."""

    story: Story

    def show(self, event: Event) -> None: ...
    def tick(self) -> None: ...
    def stop(self) -> None: ...


class Follower:
    """One deployment as the command line sees it. `run` gives the exit code."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._view = view(console)
        self._lock = threading.Lock()
        self._brake = Brake(self._announce, self._abandon)

    def run(self, start: Start) -> int:
        """Begin with `start`, show every event, and end with the result.

        Signals are taken from before the first line of configuration is read.
        """
        with self._brake:
            error = self._drain(start)
            self._brake.last_word()
            code = conclude(self._console, self._view.story, error)
        if self._brake.pulled:
            leave(code)
        return code

    def _drain(self, start: Start) -> Problem | None:
        try:
            events = start(self._brake)
            self._brake.begin()
            with ticking(self._tick):
                for event in events:
                    self._show(event)
        except Interrupted as error:
            return cut_short(self._view.story, error.exit_code - 128)
        except DeployerError as error:
            trace(self._console, error)
            return describe(error)
        finally:
            with self._lock:
                self._view.stop()
        return None

    def _show(self, event: Event) -> None:
        with self._lock:
            self._view.show(event)
            if self._console.mode == "ndjson":
                self._console.out.raw(event_line(event) + "\n")

    def _tick(self) -> None:
        with self._lock:
            self._view.tick()

    def _announce(self, number: int) -> Callable[[], None]:
        """What is in flight now; calling the result says it, above whatever the view draws."""
        texts = stopping(number, self._view.story, begun=self._brake.grace > 0)

        def say() -> None:
            held = self._lock.acquire(timeout=GRUDGE)
            for text in texts:
                self._view.show(Said(text=text))
            if held:
                self._lock.release()

        return say

    def _abandon(self, number: int) -> int:
        """The time is over: tell what is known, for every scope that has not ended."""
        held = self._lock.acquire(timeout=GRUDGE)
        if self._brake.grace > 0:
            self._view.stop()
        error = cut_short(self._view.story, number)
        code = conclude(self._console, self._view.story, error)
        if held:
            self._lock.release()
        return code


def view(console: Console) -> View:
    """The view that stderr can show."""
    kind = Tree if console.err.live else Lines
    return kind(console.err, time.monotonic)


@contextmanager
def ticking(tick: Callable[[], None]) -> Iterator[None]:
    """Call `tick` in the background."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(TICK):
            tick()

    thread = threading.Thread(target=beat, name="ticks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=1)


def conclude(console: Console, story: Story, error: Problem | None = None) -> int:
    """The end: failures to stderr, one line a target to stdout, or the one document."""
    problems = [error] if error else []
    problems += [problem for _, problem in story.unreported]
    problems += forgotten(story, problems)
    code = most_severe([r.exit_code for r in story.reports] + [p.exit_code for p in problems])
    _failures(console, story, problems)
    console.text(*(verdict(report) for report in story.reports))
    _onward(console, story)
    first = problems[0] if problems else None
    console.finish(deployed(console.command, story.reports, code, first))
    return code


def forgotten(story: Story, known: list[Problem]) -> list[Problem]:
    """Green needs a report: a scope that ended without one, or no scope at all, is a bug."""
    lost = [name for name, c in story.chapters.items() if not c.report and not c.problems]
    if known or (story.reports and not lost):
        return []
    what = f"deployer has a bug: it does not say how {', '.join(lost) or 'anything'} ended"
    return [Problem(code="bug", what=what, exit_code=1, fix="deployer status")]


def stopping(number: int, story: Story, begun: bool) -> list[str]:
    """What is said at once after a signal."""
    name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
    if not begun:
        return []
    flight = [f"in flight: {who}: {step.text}" for who, step in story.in_flight()]
    return [
        f"stopping ({name}): no new change begins",
        *flight,
        "the same command goes on from here; a second signal exits now",
    ]


def cut_short(story: Story, number: int) -> Problem | None:
    """Give every scope that has not ended a report; without any scope, the interruption itself."""
    for chapter in list(story.chapters.values()):
        chapter.report = chapter.report or cut_off(chapter, number)
    return None if story.reports else describe(_interrupted(number))


def cut_off(chapter: Chapter, number: int) -> Report:
    """The report of a scope that we had to leave before it ended."""
    scope = chapter.scope
    touched = bool(chapter.steps)
    outcome = Outcome.UNKNOWN if touched else Outcome.FAILED_NOTHING_CHANGED
    return Report(
        scope=scope,
        outcome=outcome,
        exit_code=128 + number,
        release=chapter.plans[0].release if chapter.plans else None,
        problem=describe(_interrupted(number)),
        next=(f"deployer status {_place(scope)}", "the same command again goes on from here"),
    )


def leave(code: int) -> None:
    """Exit now: threads that wait for a provider must not keep the process alive."""
    os._exit(code)


def _failures(console: Console, story: Story, problems: list[Problem]) -> None:
    several = len(story.chapters) > 1
    scrolled = any(chapter.steps for chapter in story.chapters.values())
    for text in dict.fromkeys(story.warnings) if scrolled else ():
        console.note(*warning(text, console.err))
    for problem in problems:
        console.note("", *block(problem, console.err, "nothing was changed"))
    for report in story.reports:
        if report.problem:
            who = str(report.scope) if several else ""
            console.note("", *block(report.problem, console.err, _now(report), who))


def _now(report: Report) -> str:
    """What serves now; and what a failed deployment may have left in a database."""
    ran = "; the release command had run, and what it did stays" if report.task_ran else ""
    return serving(report) + ran


def _onward(console: Console, story: Story) -> None:
    """The commands to go on with, each once."""
    commands = dict.fromkeys(line for report in story.reports for line in report.next)
    good = all(report.outcome in GOOD for report in story.reports)
    if commands:
        console.note("", "to undo it:" if good else "to go on:")
        console.note(*(f"  {line}" for line in commands))


def _interrupted(number: int) -> Interrupted:
    name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
    return Interrupted(
        number,
        f"stopped by {name}",
        fix="run the same command again: it goes on from here",
    )


def _place(scope: Scope) -> str:
    return f"-e {scope.environment} -t {scope.target}"
