"""How check and doctor show what they found."""

from __future__ import annotations

from collections.abc import Sequence

from deployer.cli.console import Console
from deployer.render.out import Out
from deployer.render.text import clean, wrap
from deployer_pipelines.checks import Check

_COLOURS = {"ok": "green", "info": "dim", "warn": "yellow", "error": "red"}
_LEVEL = 7


def ended(to: Console, found: Sequence[Check], code: int) -> int:
    """Every check as a line, the failures last; exit with `code` where one failed."""
    order = list(_COLOURS)
    for one in sorted(found, key=lambda check: order.index(check.level)):
        to.text(*shown(one, to.out))
    failed = sum(one.level == "error" for one in found)
    warned = sum(one.level == "warn" for one in found)
    to.note(_summary(len(found), failed, warned))
    return to.done(code if failed else 0, "error" if failed else "ok", checks=list(found))


def shown(one: Check, out: Out) -> list[str]:
    """`ok     engine: 27.1`, and below it where and how to mend it."""
    level = out.paint(one.level.ljust(_LEVEL), _COLOURS[one.level])
    about = f"{one.scope}: " if one.scope else ""
    first, *rest = wrap(f"{about}{clean(one.name)}: {clean(one.detail)}", out.width - _LEVEL)
    facts = [f"{name:6} {clean(text)}" for name, text in (("where", one.where), ("fix", one.fix))
             if text]  # fmt: skip
    return [level + first, *(" " * _LEVEL + line for line in [*rest, *facts])]


def _summary(count: int, failed: int, warned: int) -> str:
    if not failed and not warned:
        return f"{count} checks, all well"
    return f"{count} checks: {failed} failed, {warned} with a warning"
