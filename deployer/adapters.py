"""Find an adapter by name. Its SDK is imported only when it is chosen."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from deployer.errors import ConfigError
from deployer.provider import Connect, Provider

GROUP = "deployer.providers"


def connect(name: str, options: Mapping[str, Any]) -> Provider:
    """The provider called `name`, bound to one target's options.

    Raises ConfigError for one that is not installed, whose SDK is missing, or that is not ready.
    """
    try:
        return _factory(name)(options)
    except ImportError as error:
        raise ConfigError(
            f"provider {name} needs {error.name}, which is not installed",
            fix=f"pip install 'deployer-cli[{name}]'",
        ) from error


def _factory(name: str) -> Connect:
    """Our own packages by name: reading the metadata of all installed ones costs 30 ms."""
    package = f"deployer_{name.replace('-', '_')}"
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise  # it is there; what it needs is not
        return _by_entry_point(name)
    found: Connect | None = getattr(module, "connect", None)
    return found or _by_entry_point(name)


def _by_entry_point(name: str) -> Connect:
    from importlib.metadata import entry_points

    known = {point.name: point for point in entry_points(group=GROUP)}
    if name in known:
        factory: Connect = known[name].load()
        return factory
    near = get_close_matches(name, known, 1)
    raise ConfigError(
        f"provider {name} is not ready in this version of deployer",
        why=f"ready: {', '.join(sorted(known))}",
        fix=f"did you mean {near[0]}?" if near else "choose a target that is ready",
    )
