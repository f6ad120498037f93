"""The JSON Schema of `deployer.yaml`, for editors, made from the structs that the loader uses.

It accepts whatever the loader accepts. What goes across layers or needs variables is checked by
the loader alone.
"""

from __future__ import annotations

from typing import Any

from deployer.config import schema
from deployer.config.kinds import Field, Kind, Shape, shape
from deployer.config.lookup import Lookup
from deployer.config.shapes import file_shape, option_shape, override_shape
from deployer.quantity import DURATION, SIZE

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_VARIABLE = r"\$\{"
_SIMPLE: dict[str, dict[str, Any]] = {
    "truth": {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": _VARIABLE}]},
    "duration": {"type": "string", "pattern": f"{DURATION}|{_VARIABLE}"},
    "size": {"type": "string", "pattern": f"{SIZE}|{_VARIABLE}"},
    "any": {},
}


def json_schema(options: Lookup) -> dict[str, Any]:
    """Draft 2020-12, with the options of every provider that `options` knows."""
    several = {"required": ["services"]}
    whole = _record(file_shape(several=False))
    return {
        "$schema": DIALECT,
        "title": "deployer.yaml",
        **whole,
        "type": "object",
        "patternProperties": {"^x-": {}},
        "required": ["app"],
        "allOf": [*whole["allOf"], {"if": several, "then": _only_file()}],
        "$defs": {
            "service": _record(shape(schema.Service)),
            "override": _blocked(override_shape(), options),
            "environment": _environment(),
            "target": _target(options),
        },
    }


def _only_file() -> dict[str, Any]:
    """With `services:` no key of a service stands at the top."""
    own = shape(schema.File).fields
    return {"propertyNames": {"anyOf": [{"enum": sorted(own)}, {"pattern": "^x-"}]}}


def _environment() -> dict[str, Any]:
    own, over = shape(schema.Environment), override_shape()
    keys = {**own.fields, **over.fields}
    return _record(Shape("an environment", keys, None, over.exclusive))


def _target(options: Lookup) -> dict[str, Any]:
    """A target knows its provider, or takes it from the target of that name in the file."""
    common = {**shape(schema.Target).fields, **override_shape().fields}
    base = _properties(common)
    names = options.known()
    cases = [
        {
            "if": {"properties": {"provider": {"const": name}}, "required": ["provider"]},
            "then": _open_case(common, option_shape(options(name))),
        }
        for name in names
    ]
    base["provider"] = {**base["provider"], "enum": list(names)} if names else base["provider"]
    known = sorted({key for name in names for key in option_shape(options(name)).fields})
    return {
        "type": ["object", "null"],
        "properties": {**base, **{key: {} for key in known}},
        "additionalProperties": False,
        "allOf": [*_exclusive(override_shape()), *cases],
    }


def _open_case(common: dict[str, Field], own: Shape) -> dict[str, Any]:
    return {
        "properties": _properties(dict(own.fields)),
        "propertyNames": {"enum": sorted({*common, *own.fields})},
    }


def _blocked(over: Shape, options: Lookup) -> dict[str, Any]:
    """What a target says about one service may name the provider's options as well."""
    found = _record(over)
    known = {key for name in options.known() for key in option_shape(options(name)).fields}
    found["properties"] |= {key: {} for key in sorted(known | {"name"})}
    return found


def _record(keys: Shape) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": ["object", "null"],
        "properties": _properties(dict(keys.fields)),
        "additionalProperties": False,
    }
    excluded = _exclusive(keys)
    return {**found, "allOf": excluded} if excluded else found


def _exclusive(keys: Shape) -> list[dict[str, Any]]:
    pairs = ((a, b) for row in keys.exclusive for i, a in enumerate(row) for b in row[i + 1 :])
    return [{"not": {"required": [a, b]}} for a, b in pairs]


def _properties(fields: dict[str, Field]) -> dict[str, Any]:
    return {name: _field(field) for name, field in fields.items()}


def _field(field: Field) -> dict[str, Any]:
    found = {"anyOf": [_kind(field.kind), {"type": "null"}]}
    if field.kind.description:
        found = {"description": field.kind.description, **found}  # type: ignore[dict-item]
    return found


def _kind(kind: Kind) -> dict[str, Any]:
    if kind.name in _SIMPLE:
        return _SIMPLE[kind.name]
    found: dict[str, Any] = _MAKERS[kind.name](kind)
    return found


def _text(kind: Kind) -> dict[str, Any]:
    found: dict[str, Any] = {"type": ["string", "number", "boolean"]}
    return {**found, "pattern": f"{kind.pattern}|{_VARIABLE}"} if kind.pattern else found


def _numeric(kind: Kind) -> dict[str, Any]:
    limits = {"minimum": kind.ge, "exclusiveMinimum": kind.gt, "maximum": kind.le}
    bounds = {key: value for key, value in limits.items() if value is not None}
    name = "integer" if kind.name == "whole" else "number"
    text = {"type": "string", "pattern": rf"^[-+]?[0-9.]+$|{_VARIABLE}"}
    return {"anyOf": [{"type": name, **bounds}, text]}


def _choice(kind: Kind) -> dict[str, Any]:
    return {"anyOf": [{"enum": list(kind.choices)}, {"type": "string", "pattern": _VARIABLE}]}


def _list(kind: Kind) -> dict[str, Any]:
    found = {"type": "array", "items": _kind(kind.of[0])}
    return {**found, "minItems": kind.min_length} if kind.min_length else found


def _map(kind: Kind) -> dict[str, Any]:
    block = kind.extra.get("block")
    values = _value({"$ref": f"#/$defs/{block}"} if block else _kind(kind.of[1]))
    names = {"propertyNames": {"pattern": kind.of[0].pattern}} if kind.of[0].pattern else {}
    return {"type": ["object", "null"], "additionalProperties": values, **names}


def _value(one: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [one, {"type": "null"}]}


def _either(kind: Kind) -> dict[str, Any]:
    return {"anyOf": [_kind(one) for one in kind.of]}


def _nested(kind: Kind) -> dict[str, Any]:
    return _record(shape(kind.type))


_MAKERS = {
    "text": _text,
    "whole": _numeric,
    "number": _numeric,
    "choice": _choice,
    "list": _list,
    "map": _map,
    "record": _nested,
    "either": _either,
}
