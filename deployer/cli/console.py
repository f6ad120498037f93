"""The two output streams of one run, and the ways a command ends on them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from deployer.cli.common import Output
from deployer.events import Problem
from deployer.render.json_ import document, dump
from deployer.render.out import Colour, Out
from deployer.render.problem import block

Mode = Literal["text", "json", "ndjson"]


@dataclass(frozen=True, slots=True)
class Console:
    """`out` takes the result, `err` everything else."""

    command: str
    out: Out
    err: Out
    mode: Mode = "text"
    debug: bool = False  # write tracebacks to files

    def text(self, *lines: str) -> None:
        """The result for people; nothing where programs read."""
        if self.mode == "text":
            for line in lines:
                self.out.line(line)

    def note(self, *lines: str) -> None:
        """Something beside the result."""
        for line in lines:
            self.err.line(line)

    def done(self, exit_code: int = 0, outcome: str = "ok", **parts: Any) -> int:
        """End with a result: its document, where one is wanted. Gives the exit code."""
        self.finish(document(self.command, outcome, exit_code, **parts))
        return exit_code

    def fail(self, problem: Problem, now: str | None = None) -> int:
        """End with a failure, told to people and to programs. Gives the exit code."""
        self.note(*block(problem, self.err, now))
        return self.done(problem.exit_code, "error", error=problem)

    def finish(self, data: dict[str, Any]) -> None:
        """Write `data` as the one document, or as the last line of a stream of events."""
        if self.mode == "json":
            self.out.raw(dump(data, indent=2 if self.out.tty else None) + "\n")
        if self.mode == "ndjson":
            self.out.raw(dump({"type": "end", **data}) + "\n")


def console(command: str, output: Output) -> Console:
    """The console that the options ask for."""
    mode: Mode = "ndjson" if output.events else "json" if output.json else "text"
    return _console(command, mode, cast(Colour, str(output.color)), output.debug)


def guessed(argv: Sequence[str]) -> Console:
    """The console for a command line that could not be parsed, or failed unexpectedly."""
    given = list(argv[: argv.index("--")] if "--" in argv else argv)
    command = next((word for word in given if not word.startswith("-")), "")
    streams = "ndjson" in given or "--events=ndjson" in given
    mode: Mode = "ndjson" if streams else "json" if "--json" in given else "text"
    debug = "--debug" in given or os.environ.get("DEPLOYER_DEBUG", "0") not in ("", "0", "false")
    return _console(command, mode, _colour(given), debug)


def _console(command: str, mode: Mode, colour: Colour, debug: bool) -> Console:
    return Console(
        command=command,
        out=Out(sys.stdout, os.environ, colour),
        err=Out(sys.stderr, os.environ, colour),
        mode=mode,
        debug=debug,
    )


def _colour(given: list[str]) -> Colour:
    joined = " ".join(given).replace("--color=", "--color ")
    choices: tuple[Colour, ...] = ("always", "never")
    for choice in choices:
        if f"--color {choice}" in joined:
            return choice
    return "auto"
