"""A failure as a block: what, where, why, evidence, fix, and what is serving now."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.events import Problem
from deployer.render.out import Out
from deployer.render.text import SOURCE, chunks, clean, quoted, wrap

_LABEL = 7
_NARROW = 48


def block(problem: Problem, out: Out, now: str | None = None, who: str = "") -> list[str]:
    """The lines for `problem`. `now`: what is serving; `who`: the scope, where several failed."""
    title = out.paint(out.paint("error:", "red"), "bold")
    about = f"{who}: " if who else ""
    lines = _flow(f"{title} {about}{clean(problem.what)}", out.width, "")
    for one in _several(problem):
        lines += ["", *_part(one, out)]
    lines += _facts(problem, out, skip_where=bool(_several(problem)))
    if now:
        lines += _fact("now", now, out)
    return lines


def warning(text: str, out: Out) -> list[str]:
    """A sentence that needs attention but is no failure."""
    return _flow(f"{out.paint('warning:', 'yellow')} {clean(text)}", out.width, "  ")


def _several(problem: Problem) -> tuple[Problem, ...]:
    """The mistakes behind a summary; one that only repeats the summary is left out."""
    return tuple(p for p in problem.problems if p.what != problem.what)


def _part(problem: Problem, out: Out) -> list[str]:
    where = f"{clean(problem.where)}: " if problem.where else ""
    lines = _flow(f"  {where}{clean(problem.what)}", out.width, "    ")
    return [*lines, *(f"  {line}" for line in _facts(problem, out, skip_where=True))]


def _facts(problem: Problem, out: Out, skip_where: bool = False) -> list[str]:
    lines: list[str] = []
    if problem.where and not skip_where:
        lines += _fact("where", problem.where, out)
    if problem.why:
        lines += _fact("why", problem.why, out)
    lines += _evidence(problem.evidence, out)
    if problem.fix:
        lines += _fact("fix", problem.fix, out)
    return lines


def _fact(label: str, text: str, out: Out) -> list[str]:
    """`label  text`. A fix is never broken into lines: it is there to be copied."""
    head = "  " + out.paint(label.ljust(_LABEL), "dim")
    room = out.width - _LABEL - 2
    whole = clean(text)
    if label in ("fix", "where") or room < _NARROW - _LABEL - 2:
        return [head + whole]
    first, *rest = wrap(whole, room)
    return [head + first, *(" " * (_LABEL + 2) + line for line in rest)]


def _evidence(lines: tuple[str, ...], out: Out) -> list[str]:
    shown = [piece for line in quoted(lines) for piece in _pieces(line, out.width - _LABEL - 3)]
    if not shown:
        return []
    label = "line" if SOURCE.match(shown[0]) else "log"
    first = "  " + out.paint(label.ljust(_LABEL), "dim") + shown[0]
    return [first, *(" " * (_LABEL + 2) + line for line in shown[1:])]


def _pieces(line: str, room: int) -> Iterator[str]:
    """A long line of evidence, whole, with the bar kept in front of each piece."""
    first, *rest = chunks(line, room)
    yield first
    yield from (f"|  {piece}" for more in rest for piece in chunks(more, room - 3))


def _flow(text: str, width: int, indent: str) -> list[str]:
    if width < _NARROW:
        return [text]
    first, *rest = wrap(text, width - len(indent))
    return [first, *(indent + line for line in rest)]
