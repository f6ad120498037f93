"""docs/reference/configuration.md, made from the structs that the loader uses.

`python -m deployer.config.reference > docs/reference/configuration.md`
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from msgspec import Struct

from deployer.config import schema
from deployer.config.kinds import Field, Kind, Shape, shape
from deployer.config.lookup import Installed, Lookup
from deployer.config.shapes import option_shape
from deployer.quantity import Bytes, Seconds

_INTRODUCTION = """\
# Configuration

Every key of `deployer.yaml`. This page is made from the code by
`python -m deployer.config.reference`; `deployer schema` prints the same as a JSON Schema.

## How the file is read

- **YAML 1.2**: `no`, `22:22`, `010` and dates are text. Where a text is needed, a number is taken
  as it is written. A key that stands twice, an unknown key and a tag (`!…`) are mistakes; anchors
  and `<<` work. Keys at the top that start with `x-` are yours.
- **Variables** in values: `${NAME}`, `${NAME:-default}`, `${NAME:?message}`, and `$$` for a dollar
  sign. One that is unset or empty and has no default is a mistake. `DEPLOYER_APP`,
  `DEPLOYER_ENVIRONMENT`, `DEPLOYER_TARGET` and `DEPLOYER_SERVICE` are always there. What a
  variable holds is not read again. Names, `provider`, `protected` and `promote` take no
  variables: they are the same for everybody.
- **Layers**, the lowest first: the service, its environment, the file's target, the environment's
  target. Mappings are merged key by key; lists and single values are replaced; `null` takes a
  value away. Where two keys exclude each other, as `build` and `image`, the upper layer's one
  stands. Within a target or an environment, `services: {NAME: …}` lies over what all share.
- **Secrets** have no place in the file. A plain value under a name like `DB_PASSWORD`, or one that
  has a secret's form, is refused; `secrets:` says where the target keeps it.
- **Names** at the provider: `name:` of the target, else `app-service-environment`. The service is
  left out where the only one is called like the app, the environment where none is declared.
- **Dotenv files** (`env_file`) hold plain values: `KEY=value`, quotes, comments and `export`;
  variables are not filled in. They lie below the folder of `deployer.yaml`.
"""

_SECTIONS: tuple[tuple[str, type[Struct]], ...] = (
    ("The file", schema.File),
    ("A service", schema.Service),
    ("An environment", schema.Environment),
    ("`promote`", schema.Promote),
    ("A target", schema.Target),
)


def render(options: Lookup) -> str:
    """The whole page."""
    lines = [_INTRODUCTION]
    for title, struct in _SECTIONS:
        lines += _section(f"## {title}", struct)
    for name in options.known():
        kind = options(name)
        if kind is None or kind.__module__.startswith("deployer."):
            continue  # a provider of the core is there for tests
        lines += [f"## Options of a `{name}` target", ""]
        lines += _table(option_shape(kind), "")
    return "\n".join(lines).rstrip() + "\n"


def _section(title: str, struct: type[Struct]) -> Iterator[str]:
    yield title
    yield ""
    yield _summary(struct)
    yield ""
    yield from _table(shape(struct), "")


def _summary(struct: type[Struct]) -> str:
    words = " ".join((struct.__doc__ or "").split())
    return words + " Also every key of a service." if struct in _OVERRIDING else words


def _table(keys: Shape, path: str) -> Iterator[str]:
    yield "| key | value | default | |"
    yield "|---|---|---|---|"
    yield from _rows(keys, path)
    yield ""


def _rows(keys: Shape, path: str) -> Iterator[str]:
    for field in keys.fields.values():
        key = f"{path}{field.name}"
        cells = (f"`{key}`", _words(field.kind), _default(field), field.kind.description)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        inner = _inner(field.kind)
        if inner and field.kind.type is not schema.Promote:
            yield from _rows(shape(inner[0]), f"{key}{inner[1]}.")


def _inner(kind: Kind) -> tuple[type[Struct], str] | None:
    if kind.name == "record":
        return kind.type, ""
    if kind.name == "list" and kind.of[0].name == "record":
        return kind.of[0].type, "[]"
    return None


def _words(kind: Kind) -> str:
    if kind.choices:
        return ", ".join(f"`{choice}`" for choice in kind.choices)
    if kind.name == "list":
        return f"list of {_words(kind.of[0])}"
    if kind.name == "either":
        return " or ".join(_words(one) for one in kind.of)
    if "shape" in kind.extra:
        return str(kind.extra["shape"])
    return _PLAIN[kind.name] + _limits(kind)


def _limits(kind: Kind) -> str:
    if kind.ge is not None and kind.le is not None:
        return f", {kind.ge} to {kind.le}"
    if kind.ge is not None:
        return f", {kind.ge} or more"
    return f", above {kind.gt}" if kind.gt is not None else ""


def _default(field: Field) -> str:
    value = field.default
    if field.required:
        return "**required**"
    if value is None or value in ({}, ()) or field.kind.name == "record":
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Seconds | Bytes):
        return f"`{value}`"
    return f"`{list(value)}`" if isinstance(value, tuple) else f"`{value}`"


_OVERRIDING = (schema.Environment, schema.Target)
_PLAIN = {
    "text": "text",
    "whole": "whole number",
    "number": "number",
    "truth": "`true` or `false`",
    "duration": "duration, as `90s` or `1h30m`",
    "size": "size, as `512Mi`",
    "map": "mapping",
    "record": "mapping",
    "any": "any value",
}

if __name__ == "__main__":
    sys.stdout.write(render(Installed()))
