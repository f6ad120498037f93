"""Secrets as a type: a value that never prints itself, and a register that masks it elsewhere."""

from __future__ import annotations

import base64
import json
from typing import NoReturn
from urllib.parse import quote

MASK = "••••••"
SHORTEST = 5  # masking shorter values would hide ordinary words and help nobody


class Secret:
    """A secret value. Every way of printing it gives the mask; `reveal()` gives the value.

    Making one registers its value, so that `redact` masks it wherever it turns up.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        register(value)

    def reveal(self) -> str:
        """The value itself. Call it only where it leaves for the place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


_known: set[str] = set()


def register(value: str) -> None:
    """Mask `value` from now on, in each form that logs and encoders give it."""
    for line in {value, *value.splitlines()}:
        _known.update(form for form in _forms(line.strip()) if len(form) >= SHORTEST)


def redact(text: str) -> str:
    """`text` with every registered secret value masked. Used at each output edge."""
    for value in sorted(_known, key=len, reverse=True):
        if value in text:
            text = text.replace(value, MASK)
    return text


def _forms(value: str) -> set[str]:
    raw = value.encode()
    return {
        value,
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
        quote(value, safe=""),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
    }
