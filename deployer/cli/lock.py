"""deployer lock."""

from __future__ import annotations

from typing import Annotated

from typer import Option, Typer

from deployer.cli.common import Output, Place, command
from deployer.cli.console import Console, console
from deployer.cli.session import open_session
from deployer.outcome import most_severe
from deployer.render.problem import block
from deployer.render.tables import locked
from deployer_pipelines import look
from deployer_pipelines.look import Lock

app = Typer(
    rich_markup_mode=None,
    help="See, take or release the lock of a target.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
Reason = Annotated[
    str, Option("--reason", "-m", metavar="TEXT", help="shown to whoever wants to deploy")
]


@app.command("status")
@command
def status(place: Place, output: Output) -> int:
    """Show who holds each target."""
    to = console("lock status", output)
    found = look.lock_status(open_session(place).request)
    for one in found:
        if not one.problem:
            to.text(f"{one.scope}: {locked(one.held) if one.held else 'free'}")
    return _ended(to, found)


@app.command("take")
@command
def take(place: Place, output: Output, reason: Reason) -> int:
    """Lock each target by hand: nobody deploys until it is released."""
    to = console("lock take", output)
    found = look.lock_take(open_session(place).request, reason)
    for one in found:
        if not one.problem:
            to.text(f"{one.scope}: locked; free it with: deployer lock release")
    return _ended(to, found)


@app.command("release")
@command
def release(place: Place, output: Output) -> int:
    """Free each target, whoever holds it."""
    to = console("lock release", output)
    found = look.lock_release(open_session(place).request)
    for one in found:
        if not one.problem:
            was = f", was {locked(one.held)}" if one.held else " already"
            to.text(f"{one.scope}: free{was}")
    return _ended(to, found)


def _ended(to: Console, found: tuple[Lock, ...]) -> int:
    failed = [(one.scope, one.problem) for one in found if one.problem]
    for scope, problem in failed:
        to.note(*block(problem, to.err, None, str(scope)))
    return to.done(
        most_severe(problem.exit_code for _, problem in failed),
        "error" if failed else "ok",
        partial=0 < len(failed) < len(found),
        targets=list(found),
        error=failed[0][1] if failed else None,
    )
