"""Release ids: DNS-safe, in the order of time, twelve characters."""

from __future__ import annotations

import secrets

_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_RANDOM = 3


def new_id(now: float, after: str | None = None) -> str:
    """`r` + eight digits of centiseconds since 1970 + three random ones, all in base 32.

    Always later than `after`, the newest id that is known, even if a clock went back.
    """
    ticks = int(now * 100)
    if after is not None:
        ticks = max(ticks, _ticks(after) + 1)
    digits = "".join(_DIGITS[(ticks >> (5 * place)) & 31] for place in reversed(range(8)))
    return "r" + digits + "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM))


def made_at(release: str) -> float:
    """Seconds since 1970 at which `release` was named."""
    return _ticks(release) / 100


def _ticks(release: str) -> int:
    ticks = 0
    for digit in release[1:9]:
        ticks = ticks * 32 + _DIGITS.index(digit)
    return ticks
