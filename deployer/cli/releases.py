"""deployer releases."""

from __future__ import annotations

import time
from typing import Annotated

from typer import Option

from deployer.cli.common import Output, Place, command
from deployer.cli.console import Console, console
from deployer.cli.session import open_session
from deployer.outcome import most_severe
from deployer.render.problem import block
from deployer.render.tables import HISTORY, Row, history_rows, table
from deployer_pipelines import look
from deployer_pipelines.look import History

Limit = Annotated[int, Option("--limit", "-n", min=1, help="how many for each target")]


@command
def run(place: Place, output: Output, limit: Limit = 20) -> int:
    """List past deployments, the newest first; `*` marks the release that is live."""
    to = console("releases", output)
    found = look.releases(open_session(place).request, limit)
    rows = [row for one in found for row in _rows(one, to)]
    to.text(*table(("TARGET", *HISTORY), rows, to.out))
    if not rows:
        to.note("nothing was deployed yet: deployer ship")
    return _ended(to, found)


def _rows(one: History, to: Console) -> list[Row]:
    rows = history_rows(one.entries, one.live, time.time(), iso=not to.out.tty)
    return [(str(one.scope), *row) for row in rows]


def _ended(to: Console, found: tuple[History, ...]) -> int:
    failed = [(one.scope, one.problem) for one in found if one.problem]
    for scope, problem in failed:
        to.note(*block(problem, to.err, None, str(scope)))
    code = most_severe(problem.exit_code for _, problem in failed)
    return to.done(
        code,
        "error" if failed else "ok",
        partial=0 < len(failed) < len(found),
        targets=list(found),
        error=failed[0][1] if failed else None,
    )
