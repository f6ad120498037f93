"""The last resort: any exception as a failure block, the document, and an exit code."""

from __future__ import annotations

import errno
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import typer

from deployer.cli.console import Console, guessed
from deployer.errors import DeployerError, Interrupted
from deployer.events import Problem, describe
from deployer.secret import redact

MUTATING = frozenset({"ship", "rollback", "destroy"})


def failed(error: BaseException, argv: Sequence[str]) -> int:
    """Tell `error` on both streams. Gives the exit code."""
    console = guessed(argv)
    problem = _problem(error, console.command)
    trace(console, error)
    ours = isinstance(error, DeployerError) and problem.exit_code != 1
    now = "nothing was changed" if ours and console.command in MUTATING else None
    return console.fail(problem, now)


def trace(console: Console, error: BaseException) -> None:
    """With --debug, write the traceback to a file and say where it is."""
    if console.debug:
        path = written(error)
        console.note(f"the traceback is in {path}" if path else "no traceback could be written")


def written(error: BaseException) -> Path | None:
    """A file with the traceback, secrets masked, for its owner only; None if impossible."""
    text = redact("".join(traceback.format_exception(error)))
    name = f"deployer-debug-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    for folder in (Path.cwd(), Path(tempfile.gettempdir())):
        try:
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(text)
        except OSError:
            continue
        return folder / name
    return None


def _problem(error: BaseException, command: str) -> Problem:
    if isinstance(error, KeyboardInterrupt):
        return describe(Interrupted(signal.SIGINT, "stopped by Ctrl-C"))
    if isinstance(error, typer.Abort):
        return Problem(code="usage", what="no answer was given; nothing was changed", exit_code=2)
    if hasattr(error, "format_message"):
        return _usage(str(error.format_message()), command)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        where = str(error.filename) if error.filename else None
        fix = "free some space, then run the same command again"
        return Problem(code="disk", what="no space is left", where=where, exit_code=3, fix=fix)
    return describe(error)


def _usage(message: str, command: str) -> Problem:
    """Every error of typer about the command line has `format_message`."""
    from deployer.cli.verbs import VERBS

    what = message.removeprefix("Invalid value: ").rstrip(".")
    about = f"deployer {command} --help" if command in VERBS else "deployer --help"
    return Problem(code="usage", what=what, exit_code=2, fix=about)
