"""The base of all nouns, and their one encoding."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from deployer.quantity import Bytes, Seconds

T = TypeVar("T")


class Noun(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of all nouns: immutable, compared by value, strict about unknown fields."""


def encode(value: Any) -> bytes:
    """Deterministic JSON of any noun; quantities as plain numbers."""
    return msgspec.json.encode(value, enc_hook=_plain, order="sorted")


def decode(data: bytes | str, kind: type[T]) -> T:
    """The inverse of `encode`. Raises msgspec.ValidationError or msgspec.DecodeError."""
    return msgspec.json.decode(data, type=kind, dec_hook=_rich)


def convert(value: Any, kind: type[T]) -> T:
    """Plain data (as parsed from YAML) into a noun. Raises msgspec.ValidationError."""
    return msgspec.convert(value, type=kind, dec_hook=_rich)


def _plain(value: Any) -> Any:
    if isinstance(value, Seconds):
        return float(value)
    if isinstance(value, Bytes):
        return int(value)
    if isinstance(value, str):  # a digest, say, is a string that was checked
        return str.__str__(value)
    raise TypeError(f"cannot encode {type(value).__name__}")


def _rich(kind: type, value: Any) -> Any:
    if kind in (Seconds, Bytes):
        return kind.parse(value) if isinstance(value, str) else kind(value)
    raise NotImplementedError(kind)
