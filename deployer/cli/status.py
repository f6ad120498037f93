"""deployer status."""

from __future__ import annotations

import time
from collections.abc import Sequence

from deployer.cli.common import Output, Place, command
from deployer.cli.console import Console, console
from deployer.cli.session import open_session
from deployer.outcome import GOOD, most_severe
from deployer.render.problem import block, warning
from deployer.render.tables import SERVING, locked, serving_rows, table
from deployer_pipelines import look
from deployer_pipelines.look import Status


@command
def run(place: Place, output: Output) -> int:
    """Show what is serving, and whether somebody is deploying."""
    to = console("status", output)
    found = look.status(open_session(place).request)
    now, iso = time.time(), not to.out.tty
    rows = [row for one in found for row in serving_rows(str(one.scope), one.observed, now, iso)]
    to.text(*table(SERVING, rows, to.out))
    to.note(*(line for one in found for line in _remarks(one, to)))
    return ended(to, found)


def ended(to: Console, found: Sequence[Status]) -> int:
    """The document and the exit code: that of the worst place that could not be looked at."""
    problems = [one.problem for one in found if one.problem]
    code = most_severe(problem.exit_code for problem in problems)
    partial = 0 < len(problems) < len(found)
    first = problems[0] if problems else None
    return to.done(
        code, "error" if problems else "ok", partial=partial, targets=list(found), error=first
    )


def _remarks(one: Status, to: Console) -> list[str]:
    """What else a reader should know about one scope."""
    lines = []
    if one.held:
        lines.append(f"{one.scope}: {locked(one.held)}")
    last = one.last
    if last and last.conclusion is None and one.held is None:
        text = f"{one.scope}: {last.intent.kind} {last.intent.release} was left unfinished; "
        lines += warning(text + "the same command again goes on from there", to.err)
    if last and last.conclusion and last.conclusion.outcome not in GOOD:
        text = f"{one.scope}: the last {last.intent.kind} ended as {last.conclusion.outcome}"
        lines += warning(text, to.err)
    if one.problem:
        lines += block(one.problem, to.err, None, str(one.scope))
    return lines
