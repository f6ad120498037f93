"""Which options a provider has. The core imports no adapter: it asks by name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from deployer.noun import Noun, decode, encode

GROUP = "deployer.options"
T = TypeVar("T")


class Lookup(Protocol):
    """Finds the struct of a provider's options by the provider's name."""

    def __call__(self, name: str, /) -> type[Noun] | None:
        """The struct, or None where no such provider is installed."""
        ...

    def known(self) -> tuple[str, ...]:
        """The names of all providers, for messages and the JSON Schema."""
        ...


class Installed:
    """Providers installed beside us.

    `deployer_NAME.options` is tried first: reading the metadata of all installed packages costs
    30 ms. Other people's providers are found by their entry point in `deployer.options`.
    """

    def __call__(self, name: str, /) -> type[Noun] | None:
        module = f"deployer_{name.replace('-', '_')}"
        try:
            return _options(importlib.import_module(f"{module}.options"))
        except ModuleNotFoundError as error:
            if error.name not in (module, f"{module}.options"):
                raise
        return self._by_entry_point(name)

    def known(self) -> tuple[str, ...]:
        from importlib.metadata import entry_points

        return tuple(sorted({point.name for point in entry_points(group=GROUP)}))

    def _by_entry_point(self, name: str) -> type[Noun] | None:
        from importlib.metadata import entry_points

        for point in entry_points(group=GROUP, name=name):
            found: type[Noun] = point.load()
            return found
        return None


class Fixed:
    """Providers given as a mapping: for tests, and where nothing is to be searched."""

    def __init__(self, options: Mapping[str, type[Noun]]) -> None:
        self._options = dict(options)

    def __call__(self, name: str, /) -> type[Noun] | None:
        return self._options.get(name)

    def known(self) -> tuple[str, ...]:
        return tuple(sorted(self._options))


def plain(options: Noun) -> dict[str, Any]:
    """Options as they travel in a `Spec`: plain values, defaults left out."""
    found: dict[str, Any] = msgspec.json.decode(encode(options))
    return found


def typed(options: Mapping[str, Any], kind: type[T]) -> T:
    """The inverse, for adapters. Raises msgspec.ValidationError."""
    return decode(msgspec.json.encode(options), kind)


def _options(module: Any) -> type[Noun]:
    found: type[Noun] = module.Options
    return found
