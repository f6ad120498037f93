"""How a deployment of one service to one target ended, and the exit code that says so."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Outcome(StrEnum):
    """The seven ways a deployment ends."""

    SUCCEEDED = "succeeded"
    UNCHANGED = "unchanged"
    FAILED_NOTHING_CHANGED = "failed_nothing_changed"
    FAILED_ROLLED_BACK = "failed_rolled_back"
    FAILED_ROLLBACK_FAILED = "failed_rollback_failed"
    SUPERSEDED = "superseded"
    UNKNOWN = "unknown"


GOOD = frozenset({Outcome.SUCCEEDED, Outcome.UNCHANGED})

_FIXED = {
    Outcome.SUCCEEDED: 0,
    Outcome.UNCHANGED: 0,
    Outcome.FAILED_ROLLED_BACK: 5,
    Outcome.FAILED_ROLLBACK_FAILED: 6,
    Outcome.SUPERSEDED: 7,
}
_SEVERITY = (1, 143, 130, 6, 5, 9, 7, 8, 3, 2, 4, 75, 0)


def exit_code(outcome: Outcome, cause: int | None = None) -> int:
    """The exit code of one outcome; `cause`, the error's own, where the outcome has none."""
    if outcome in _FIXED:
        return _FIXED[outcome]
    if outcome is Outcome.UNKNOWN:
        return cause if cause in (7, 8, 9, 75, 130, 143) else 6
    return cause or 3


def most_severe(codes: Iterable[int]) -> int:
    """The one exit code of a run over several targets; 0 for none."""
    return min(codes, key=_rank, default=0)


def _rank(code: int) -> int:
    return _SEVERITY.index(code) if code in _SEVERITY else 0
