"""deployer plan, and what other verbs need of it for --dry-run and --plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
from typer import Option

from deployer.actions import Plan
from deployer.cli.common import Output, Place, command
from deployer.cli.console import Console, console
from deployer.cli.session import Session, open_session
from deployer.errors import ConfigError
from deployer.events import Event, Said
from deployer.noun import decode, encode
from deployer.outcome import most_severe
from deployer.render.json_ import event_line, plain
from deployer.render.plan_text import plan_text
from deployer.render.problem import block
from deployer.render.story import Story
from deployer.render.text import clean
from deployer.render.words import words
from deployer_pipelines import plans as pipeline
from deployer_pipelines.plans import StoredPlan

CHANGES = 10  # the exit code of --detailed-exitcode, where there is something to do
PLAN_SCHEMA = 1

Image = Annotated[
    str | None, Option("--image", metavar="REF", help="an image that exists, instead of a build")
]
Version = Annotated[
    str | None, Option("--version", metavar="TAG", help="tag of the image; default: the commit")
]
Offline = Annotated[
    bool, Option("--offline", help="do not look at the targets, as if nothing were there")
]
File = Annotated[
    Path | None, Option("--output", "-o", metavar="FILE", help="keep it for ship --plan FILE")
]
Detailed = Annotated[
    bool, Option("--detailed-exitcode", help="exit with 10 where something would change")
]


@command
def run(
    place: Place,
    output: Output,
    image: Image = None,
    version: Version = None,
    offline: Offline = False,
    file: File = None,
    detailed_exitcode: Detailed = False,
) -> int:
    """Show what a ship would change, and change nothing.

    `+` is added, `~` changed, `-` removed; values of secrets are never shown.
    """
    to = console("plan", output)
    session = open_session(place)
    wish: dict[str, Any] = {"image": image, "version": version, "offline": offline}
    return show(to, session, file=file, detailed=detailed_exitcode, **wish)


def show(
    to: Console,
    session: Session,
    *,
    file: Path | None = None,
    detailed: bool = False,
    **wish: Any,
) -> int:
    """Plan a ship and show it. Gives the exit code."""
    return told(to, pipeline.plan(session.request, **wish), file=file, detailed=detailed)


def told(
    to: Console, events: Iterable[Event], *, file: Path | None = None, detailed: bool = False
) -> int:
    """Show the plans that `events` bring, and keep them in `file`. Gives the exit code."""
    story = Story(lambda: 0.0)
    for event in events:
        story.follow(event)
        if isinstance(event, Said) and to.mode != "json":
            to.note(f"{event.scope or 'note'}: {clean(event.text)}")
        if to.mode == "ndjson":
            to.out.raw(event_line(event) + "\n")
    if file and not story.unreported:
        keep(file, story.plans)
    return _end(to, story, detailed)


def keep(file: Path, made: Iterable[Plan]) -> None:
    """Write plans to `file`. Raises ConfigError if that is impossible."""
    from time import time

    try:
        file.write_bytes(encode(StoredPlan(made_at=time(), plans=tuple(made))) + b"\n")
    except OSError as error:
        raise ConfigError(
            f"the plan cannot be written: {error.strerror}", where=str(file)
        ) from None


def stored(file: Path) -> StoredPlan:
    """The plans in `file`. Raises ConfigError if it holds none that this version can read."""
    try:
        found = decode(file.read_bytes(), StoredPlan)
    except OSError as error:
        what = f"the plan cannot be read: {error.strerror}"
        raise ConfigError(what, where=str(file), fix="deployer plan -o FILE") from None
    except msgspec.MsgspecError as error:
        raise ConfigError(
            "this is no plan", where=str(file), why=str(error), fix="deployer plan -o FILE"
        ) from None
    if found.schema_version != PLAN_SCHEMA or not found.plans:
        raise ConfigError(
            "this plan is empty or of another version",
            where=str(file),
            fix="deployer plan -o FILE",
        )
    return found


def narrowed(place: Place, found: StoredPlan) -> Place:
    """`place` with what it leaves open taken from the plan."""
    scopes = [plan.scope for plan in found.plans]
    return replace(
        place,
        environment=place.environment or scopes[0].environment,
        target=place.target or sorted({scope.target for scope in scopes}),
        service=place.service or sorted({scope.service for scope in scopes}),
    )


def _end(to: Console, story: Story, detailed: bool) -> int:
    failed = story.unreported
    for scope, problem in failed:
        to.note(*block(problem, to.err, None, str(scope)))
    code = most_severe(problem.exit_code for _, problem in failed)
    change = any(not plan.changes_nothing for plan in story.plans)
    if not failed and detailed and change:
        code = CHANGES
    if story.plans:
        to.text(plan_text(story.plans, to.out))
    outcome = "error" if failed else "changes" if change else "unchanged"
    targets = [_described(plan) for plan in story.plans]
    first = failed[0][1] if failed else None
    return to.done(code, outcome, partial=bool(failed and targets), targets=targets, error=first)


def _described(plan: Plan) -> dict[str, Any]:
    """A plan for programs: with its steps in words."""
    steps = [words(action) for action in plan.actions]
    return {**plain(plan), "changes_nothing": plan.changes_nothing, "steps": steps}
