"""The types of the configuration's structs as data: one reading for checker, schema and docs."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from deployer.config import schema
from deployer.quantity import Bytes, Seconds

_LIMITS = ("ge", "gt", "le", "lt", "pattern", "min_length", "description", "extra")
_PLAIN: dict[Any, str] = {
    str: "text",
    int: "whole",
    float: "number",
    bool: "truth",
    Seconds: "duration",
    Bytes: "size",
    Any: "any",
}


class Kind(Struct, frozen=True):
    """What a value must be. `of` holds the item of a list, key and value of a map, or choices."""

    name: str
    of: tuple[Kind, ...] = ()
    type: Any = None
    choices: tuple[str, ...] = ()
    optional: bool = False
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    pattern: str | None = None
    min_length: int | None = None
    description: str = ""
    extra: dict[str, Any] = {}


class Field(Struct, frozen=True):
    """One key of a mapping."""

    name: str
    attribute: str
    kind: Kind
    required: bool
    default: Any = None


class Shape(Struct, frozen=True):
    """The keys of a mapping; `noun` is what people call it. `exclusive`: one key of each row."""

    noun: str
    fields: Mapping[str, Field]
    type: Any = None
    exclusive: tuple[tuple[str, ...], ...] = ()


@cache
def shape(struct: type[Struct]) -> Shape:
    """The keys of `struct` as they are written in a file."""
    hints = typing.get_type_hints(struct, include_extras=True)
    fields = {}
    for declared in msgspec.structs.fields(struct):
        kind, default = kind_of(hints[declared.name]), _default(declared)
        required = default is msgspec.NODEFAULT
        name = declared.encode_name
        fields[name] = Field(name, declared.name, kind, required, None if required else default)
    noun = schema.NOUNS.get(struct, struct.__name__.lower())
    return Shape(noun, fields, struct, schema.EXCLUSIVE.get(struct, ()))


def joined(noun: str, *shapes: Shape, without: frozenset[str] = frozenset()) -> Shape:
    """The keys of several shapes as one."""
    fields = {k: f for s in shapes for k, f in s.fields.items() if k not in without}
    return Shape(noun, fields, None, tuple(row for s in shapes for row in s.exclusive))


def kind_of(annotation: Any) -> Kind:
    """The kind that a type annotation stands for. Raises TypeError for what no file can say."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _limited(kind_of(args[0]), args[1:])
    if origin in (typing.Union, types.UnionType):
        return _either(args)
    if origin is dict:
        return Kind("map", of=(kind_of(args[0]), kind_of(args[1])))
    if origin is tuple:
        return Kind("list", of=(kind_of(args[0]),))
    if origin is Literal:
        return Kind("choice", choices=args)
    return _named(annotation)


def _named(annotation: Any) -> Kind:
    if annotation in _PLAIN:
        return Kind(_PLAIN[annotation])
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return Kind("choice", type=annotation, choices=tuple(str(e) for e in annotation))
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return Kind("record", type=annotation)
    raise TypeError(f"no kind for {annotation!r}")


def _either(args: tuple[Any, ...]) -> Kind:
    kinds = tuple(kind_of(arg) for arg in args if arg is not types.NoneType)
    optional = types.NoneType in args
    if len(kinds) == 1:
        return msgspec.structs.replace(kinds[0], optional=optional)
    return Kind("either", of=kinds, optional=optional)


def _limited(kind: Kind, metas: tuple[Any, ...]) -> Kind:
    for meta in metas:
        if isinstance(meta, Meta):
            given = {name: getattr(meta, name) for name in _LIMITS}
            kind = msgspec.structs.replace(
                kind, **{name: value for name, value in given.items() if value is not None}
            )
    return kind


def _default(declared: msgspec.structs.FieldInfo) -> Any:
    if declared.default_factory is not msgspec.NODEFAULT:
        return declared.default_factory()
    return declared.default
