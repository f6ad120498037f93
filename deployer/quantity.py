"""Durations and sizes as people write them: `90s`, `10m`, `512Mi`."""

from __future__ import annotations

import re
from typing import Self

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "K": 10**3, "M": 10**6, "G": 10**9}

DURATION = r"^(\d+(\.\d+)?(ms|s|m|h|d))+$"
SIZE = r"^\d+(\.\d+)?(Ki|Mi|Gi|K|M|G)$"


class Seconds(float):
    """A duration in seconds."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """`1h30m` -> 5400. Raises ValueError with a sentence."""
        if not re.fullmatch(DURATION, text):
            raise ValueError(f"{text!r} is not a duration; write 30s, 10m or 1h30m")
        parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
        return cls(sum(float(number) * _SECONDS[unit] for number, unit in parts))

    def __str__(self) -> str:
        milliseconds = round(self * 1000)
        if milliseconds % 1000 and milliseconds < 60_000:
            return f"{milliseconds}ms" if milliseconds < 1000 else f"{milliseconds / 1000:g}s"
        whole, text = round(self), ""
        for unit, size in (("h", 3600), ("m", 60), ("s", 1)):
            count, whole = divmod(whole, size)
            text += f"{count}{unit}" if count else ""
        return text or "0s"


class Bytes(int):
    """A size in bytes."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """`512Mi` -> 536870912. Raises ValueError with a sentence."""
        if not re.fullmatch(SIZE, text):
            raise ValueError(f"{text!r} is not a size; write 512Mi or 1Gi")
        number, unit = re.findall(r"^([\d.]+)(\w+)$", text)[0]
        return cls(round(float(number) * _BYTES[unit]))

    def __str__(self) -> str:
        for unit in ("Gi", "Mi", "Ki", "G", "M", "K"):
            if self and self % _BYTES[unit] == 0:
                return f"{self // _BYTES[unit]}{unit}"
        return f"{int(self)}B"
