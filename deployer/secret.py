"""Secrets as a type: a value that never prints itself, and a register that masks it elsewhere."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from typing import NoReturn
from urllib.parse import quote, quote_plus

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


_known: tuple[str, ...] = ()  # the longest first; replaced whole, for others may be reading it
_guard = threading.Lock()


def register(value: str) -> None:
    """Mask `value` from now on, in each form that logs and encoders give it."""
    global _known
    parts = {value, value.strip(), *(line.strip() for line in value.splitlines())}
    forms = {form for part in parts if len(part.strip()) >= SHORTEST for form in _forms(part)}
    with _guard:
        _known = tuple(sorted({*_known, *forms}, key=len, reverse=True))


def redact(text: str) -> str:
    """`text` with every registered secret value masked. Used at each output edge."""
    for value in _known:
        if value in text:
            text = text.replace(value, MASK)
    return text


def bystander(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` for a child process that needs no secret: without each variable whose value is
    registered as one."""
    return {name: value for name, value in environ.items() if value not in _known}


def _forms(value: str) -> set[str]:
    raw = value.encode(errors="surrogateescape")
    plain = {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    urls = {quote(raw, safe=""), quote(raw), quote_plus(raw)}
    coded = _base64(raw) if len(raw) >= SHORTEST else set()
    return {form for form in plain | urls | coded if len(form.strip()) >= SHORTEST}


def _base64(raw: bytes) -> set[str]:
    """Alone, and from the middle of something longer, as `user:password` in a Basic header.

    What stands before shifts the letters by one of three places; only whole groups are sure.
    """
    found = set[bytes]()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        found |= {encode(raw), encode(raw).rstrip(b"=")}
        for shift in (0, 1, 2):
            whole = raw[shift : shift + (len(raw) - shift) // 3 * 3]
            found |= {encode(whole)} if len(whole) >= SHORTEST else set()
    return {form.decode() for form in found}
