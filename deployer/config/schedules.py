"""The rules of promotion that types cannot say: windows, time zones, cron lines, gates."""

from __future__ import annotations

import re
from datetime import datetime

from deployer.config.problems import Problems
from deployer.config.reading import Items, Scalar, Table
from deployer.config.rules import find, text

_FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day", 1, 31),
    ("month", 1, 12),
    ("weekday", 0, 7),
)
_PART = re.compile(r"(?:(\*)|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?", re.ASCII)


def check_promote(rules: Table, problems: Problems) -> None:
    """Adds what is wrong between the keys of `promote:`."""
    for key in ("allow", "deny"):
        for window in _tables(rules, key):
            _window(window, key, problems)
    for check in _tables(rules, "checks"):
        if not {"http", "run"} & check.entries.keys():
            problems.add(check.mark, 'a check needs "http" or "run"')


def cron_mistake(line: str) -> str | None:
    """What is wrong with a cron line of five fields, or None."""
    fields = line.split()
    if len(fields) != len(_FIELDS):
        return f"needs five fields (minute hour day month weekday), has {len(fields)}"
    for written, (name, low, high) in zip(fields, _FIELDS, strict=True):
        if not all(_part(part, low, high) for part in written.split(",")):
            return f"{name}: needs {low} to {high}, ranges, steps or *, has {written}"
    return None


def _window(window: Table, key: str, problems: Problems) -> None:
    cron, begin = text(window, "cron"), text(window, "from")
    if not cron and not begin:
        what = f'a window of "{key}" needs "cron" and "for", or "from" and "to"'
        problems.add(window.mark, what)
    for first, second in (("cron", "for"), ("from", "to")):
        if (first in window.entries) != (second in window.entries):
            problems.add(window.mark, f'"{first}" and "{second}" of a window go together')
    mistake = cron_mistake(cron.text) if cron else None
    if cron and mistake:
        problems.add(cron.mark, f"cron: {mistake}")
    _span(begin, text(window, "to"), problems)
    _timezone(text(window, "timezone"), problems)


def _span(begin: Scalar | None, end: Scalar | None, problems: Problems) -> None:
    first, last = _moment(begin, problems), _moment(end, problems)
    if first and last and end and last < first:
        problems.add(end.mark, f"the window ends ({last:%Y-%m-%d}) before it begins")


def _moment(node: Scalar | None, problems: Problems) -> datetime | None:
    if node is None or not re.match(r"\d{4}-\d\d-\d\d", node.text):
        return None  # said by its type
    try:
        return datetime.fromisoformat(node.text)
    except ValueError as error:
        problems.add(node.mark, f"{node.text} is no day: {error}")
        return None


def _timezone(node: Scalar | None, problems: Problems) -> None:
    if node is None:
        return
    from zoneinfo import ZoneInfo  # only files with windows pay for it

    try:
        ZoneInfo(node.text)
    except (KeyError, ValueError, OSError):
        if _has_zones():
            what = f'timezone: "{node.text[:40]}" is not known'
            problems.add(node.mark, what, fix="write an IANA name, as Europe/Berlin")


def _has_zones() -> bool:
    """Some small machines have no table of time zones: then no name can be judged."""
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo("Europe/Berlin")
    except (KeyError, OSError):
        return False
    return True


def _part(part: str, low: int, high: int) -> bool:
    match = _PART.fullmatch(part)
    if not match:
        return False
    _, first, last, step = match.groups()
    numbers = [int(number) for number in (first, last) if number]
    rising = numbers == sorted(numbers)
    return rising and all(low <= n <= high for n in numbers) and step not in ("0", "00")


def _tables(rules: Table, key: str) -> list[Table]:
    node = find(rules, key)
    items = node.items if isinstance(node, Items) else []
    return [item for item in items if isinstance(item, Table)]
