"""deployer logs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Annotated

from typer import Option

from deployer.cli.common import Output, Place, command
from deployer.cli.console import Console, console
from deployer.cli.session import open_session, seconds
from deployer.errors import ConfigError
from deployer.model import Scope
from deployer.render.json_ import dump, plain
from deployer.render.text import clean
from deployer_pipelines import look

INTERRUPTED = 130

Follow = Annotated[bool, Option("--follow", "-f", help="go on until Ctrl-C")]
Since = Annotated[
    str | None, Option("--since", metavar="DURATION", help="only the last 10m, 2h, …")
]
Limit = Annotated[int, Option("--limit", "-n", min=1, help="at most this many lines at first")]
Release = Annotated[
    str | None, Option("--release", metavar="ID", help="default: the release that serves")
]


@command
def run(
    place: Place,
    output: Output,
    follow: Follow = False,
    since: Since = None,
    limit: Limit = 200,
    release: Release = None,
) -> int:
    """Print what the service writes, oldest line first."""
    to = console("logs", output)
    if follow and to.mode == "json":
        raise ConfigError("--json is one document, and --follow never ends", fix="--events ndjson")
    start = time.time() - seconds(since, "--since") if since else None
    session = open_session(place)
    lines = look.logs(session.request, release=release, since=start, follow=follow, limit=limit)
    try:
        kept = _printed(to, lines, several=len(session.placements) > 1)
    except KeyboardInterrupt:
        if not follow:
            raise
        return to.done(INTERRUPTED, "interrupted")  # how following ends, and no failure to explain
    return to.done(lines=kept) if to.mode == "json" else to.done()


def _printed(
    to: Console, lines: Iterator[tuple[Scope, str]], several: bool
) -> list[dict[str, object]]:
    """Print until the end or until nobody reads. Gives the lines where they are one document."""
    kept = []
    for scope, line in lines:
        if to.mode == "ndjson":
            to.out.raw(dump({"type": "line", "scope": plain(scope), "line": line}) + "\n")
        elif to.mode == "json":
            kept.append({"scope": scope, "line": line})
        else:
            to.text(_shown(line, str(scope) if several else ""))
        if to.out.closed:
            break
    return kept


def _shown(line: str, who: str) -> str:
    """One line, safe; behind a bar where GitHub's runner would take `::…` for a command."""
    text = clean(line)
    if who:
        return f"{who} | {text}"
    guarded = bool(os.environ.get("GITHUB_ACTIONS")) and text.lstrip().startswith("::")
    return f"| {text}" if guarded else text
