"""The network that the services of an app share, made once however many make it at a time."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from deployer.errors import DeployerError
from deployer_engine.client import Engine, Missing, translated

_ONE_AT_A_TIME = threading.Lock()  # services of one ship; other processes: see `_one_of`


def ensure_network(engine: Engine, name: str, labels: Mapping[str, str]) -> None:
    """Have one bridge network called `name`; one that exists is used as it is."""
    with _ONE_AT_A_TIME, translated(f"network {name}"):
        if not _named(engine, name):
            engine.api.create_network(
                name, driver="bridge", check_duplicate=True, labels=dict(labels)
            )
        _one_of(engine, name)


def _named(engine: Engine, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = engine.api.networks(names=[f"^{name}$"])
    return sorted(found, key=lambda network: (network["Created"], network["Id"]))


def _one_of(engine: Engine, name: str) -> None:
    """Engines before 25 do make two of one name when asked at the same moment, and then refuse to
    use either. All who look keep the oldest; one that is in use already is not removed."""
    for network in _named(engine, name)[1:]:
        with suppress(Missing, DeployerError), translated(f"network {name}"):
            engine.api.remove_network(network["Id"])
