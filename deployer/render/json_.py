"""Results for programs: one JSON document a command, or one event a line.

Strings are masked one by one, before encoding: masking the finished text could break it where a
secret's value happens to be a word of the format. All output is ASCII, so no locale matters.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from deployer.events import Event, Problem, Report
from deployer.noun import Noun, encode
from deployer.outcome import most_severe
from deployer.secret import redact

SCHEMA_VERSION = 1


def document(command: str, outcome: str, exit_code: int, **parts: Any) -> dict[str, Any]:
    """What `--json` prints: the fixed head, then the command's own `parts`."""
    head = {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "outcome": outcome,
        "exit_code": exit_code,
    }
    return {**head, **{key: plain(value) for key, value in parts.items()}}


def deployed(
    command: str, reports: Sequence[Report], exit_code: int, error: Problem | None = None
) -> dict[str, Any]:
    """The document of ship, rollback and destroy: one report a target.

    `outcome` is that of the most severe report; `partial` says that they differ.
    """
    outcomes = {report.outcome for report in reports}
    worst = most_severe(report.exit_code for report in reports)
    named = [report.outcome for report in reports if report.exit_code == worst]
    return document(
        command,
        "error" if error or not named else str(named[0]),
        exit_code,
        partial=len(outcomes) > 1,
        targets=list(reports),
        error=error,
    )


def plain(value: Any) -> Any:
    """Nouns as plain data with every field present, so that readers need no defaults."""
    if isinstance(value, msgspec.Struct):
        tag = value.__struct_config__.tag
        named = {name: plain(getattr(value, name)) for name in value.__struct_fields__}
        return {"type": tag, **named} if tag else named
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _scalar(value)


def dump(data: dict[str, Any], indent: int | None = None) -> str:
    """`data` as JSON text with its strings masked.

    `##[` starts a command of GitHub's runner anywhere in a line, so its `#` is written as escape.
    """
    return json.dumps(_masked(data), indent=indent).replace("##[", "\\u0023\\u0023[")


def event_line(event: Event | Noun) -> str:
    """One event as one line; it decodes to the same event."""
    return dump(json.loads(encode(event)))


def _scalar(value: Any) -> Any:
    for kind in (bool, str, int, float):
        if isinstance(value, kind):
            return kind(value)
    return value


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return value
