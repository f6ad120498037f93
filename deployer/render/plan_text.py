"""A plan as text: what changes, step by step, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from deployer.actions import Destroy, Plan, RunTask
from deployer.render.out import Out
from deployer.render.text import clean, wrap
from deployer.render.words import aim, words

_LONG = re.compile(r"sha256:([0-9a-f]{12})[0-9a-f]{52}")
_UNBUILT = "sha256:" + "0" * 64  # how a plan names an image that ship will build
_COLOURS = {"+": "green", "~": "yellow", "-": "red", "=": "dim"}


def plan_text(plans: Sequence[Plan], out: Out) -> str:
    """Every plan, and the summary line at the end."""
    blocks = ["\n".join(_block(plan, out)) for plan in plans]
    return "\n\n".join([*blocks, summary(plans)])


def changes(plan: Plan, out: Out) -> list[str]:
    """The changed fields, `+ ~ -` as terraform has them, digests shortened."""
    return [_painted("  " + shortened(clean(line)), line[:1], out) for line in plan.changes]


def summary(plans: Sequence[Plan]) -> str:
    """`Plan: 1 to change, 2 unchanged. Downtime: none. Migrations: none.`"""
    kinds = [_kind(plan) for plan in plans]
    counts = [
        f"{kinds.count(kind)} {name}"
        for kind, name in (("+", "to add"), ("~", "to change"), ("-", "to destroy"))
        if kind in kinds
    ]
    if "=" in kinds or not counts:
        counts.append(f"{kinds.count('=')} unchanged")
    if not set(kinds) - {"="}:
        return f"Plan: {', '.join(counts)}. Nothing to do."
    tasks = sum(map(_migrates, plans)) or "none"
    return f"Plan: {', '.join(counts)}. Downtime: {_downtime(plans)}. Migrations: {tasks}."


def shortened(text: str) -> str:
    """`text` with image digests cut to the twelve digits that people compare."""
    return _LONG.sub(r"sha256:\1", text.replace(_UNBUILT, "(known once it is built)"))


def _block(plan: Plan, out: Out) -> list[str]:
    kind = _kind(plan)
    head = _painted(f"{kind} {plan.scope}", kind, out)
    lines = [f"{head}  {aim(plan)}", *changes(plan, out)]
    if not plan.changes_nothing:
        steps = [words(action) for action in plan.actions]
        lines += [f"  {number}. {step}" for number, step in enumerate(steps, 1)]
    return [*lines, *(line for note in _notes(plan) for line in _noted(note, out))]


def _noted(note: str, out: Out) -> list[str]:
    first, *rest = wrap(clean(note), max(20, out.width - 8))
    return [f"  note: {first}", *(" " * 8 + line for line in rest)]


def _notes(plan: Plan) -> list[str]:
    notes = list(plan.notes)
    if _migrates(plan):
        notes.append(
            "the release command runs once, before any traffic moves; "
            "a rollback does not undo what it did"
        )
    if _kind(plan) == "-":
        notes.append("it stops serving, and nothing takes over")
    return notes


def _kind(plan: Plan) -> str:
    if any(isinstance(action, Destroy) for action in plan.actions):
        return "-"
    if plan.changes_nothing:
        return "="
    return "~" if plan.previous else "+"


def _migrates(plan: Plan) -> bool:
    return any(isinstance(action, RunTask) for action in plan.actions)


def _downtime(plans: Sequence[Plan]) -> str:
    if any("downtime" in note.lower() for plan in plans for note in plan.notes):
        return "see the notes"
    return "what is destroyed" if any(_kind(plan) == "-" for plan in plans) else "none"


def _painted(text: str, kind: str, out: Out) -> str:
    return out.paint(text, _COLOURS.get(kind, ""))
