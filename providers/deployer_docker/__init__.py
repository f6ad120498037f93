"""The docker target: one engine, containers side by side, an edge proxy that moves the traffic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.provider import Provider


def connect(options: Mapping[str, Any]) -> Provider:
    """A provider for one docker target's options. Does no I/O. Raises ConfigError."""
    from deployer.config.lookup import typed
    from deployer_docker.options import Options
    from deployer_docker.provider import DockerProvider

    return DockerProvider(typed(options, Options))
