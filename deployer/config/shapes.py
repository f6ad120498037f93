"""The shapes of the places in a file: which keys may stand where."""

from __future__ import annotations

from functools import cache

from deployer.config import schema
from deployer.config.kinds import Shape, joined, shape
from deployer.config.reading import Table

Options = type | None


@cache
def file_shape(*, several: bool) -> Shape:
    """The top of the file; with `services:` the keys of a service stand below it."""
    own = shape(schema.File)
    return own if several else joined("the file", own, shape(schema.Service), without=_ORDER)


@cache
def service_shape() -> Shape:
    """One of several services."""
    return shape(schema.Service)


@cache
def environment_shape() -> Shape:
    """An environment: its rules, and overrides of the app."""
    return joined("an environment", shape(schema.Environment), shape(schema.Overrides))


@cache
def override_shape() -> Shape:
    """What an environment says about one service."""
    return shape(schema.Overrides)


@cache
def target_shape(provider: str, options: Options) -> Shape:
    """A target of `provider`: its own keys, the provider's options, and overrides."""
    noun = f"{_article(provider)} {provider} target"
    return joined(noun, shape(schema.Target), *_optional(options), shape(schema.Overrides))


@cache
def placed_shape(provider: str, options: Options) -> Shape:
    """What a target says about one service."""
    whole = target_shape(provider, options)
    return joined(whole.noun, whole, without=frozenset({"provider", "services"}))


def option_shape(options: Options) -> Shape:
    """The provider's own options."""
    return shape(options) if options else Shape("options", {})


def part(table: Table, keys: Shape) -> Table:
    """The entries of `table` that `keys` knows."""
    entries = {key: node for key, node in table.entries.items() if key in keys.fields}
    return Table(entries, {key: table.keys[key] for key in entries}, table.mark)


def _optional(options: Options) -> tuple[Shape, ...]:
    return (shape(options),) if options else ()


def _article(word: str) -> str:
    return "an" if word[:1] in "aeiou" else "a"


_ORDER = frozenset({"depends_on"})
