"""What a build is given besides its source: secrets, by reference."""

from __future__ import annotations

import os
from pathlib import Path

from deployer.errors import ConfigError
from deployer.model import Build
from deployer.secret import Secret


def build_secrets(build: Build, root: Path) -> dict[str, Secret]:
    """BuildKit's secrets by id: `env:NAME`, `file:PATH` (below `root` or absolute); a bare id is
    the variable of that name. Raises ConfigError naming all that have no value."""
    given = build.secrets
    wanted = dict(given) if isinstance(given, dict) else {id: f"env:{id}" for id in given}
    found = {id: _secret(ref, root) for id, ref in wanted.items()}
    missing = [f"{id}: {wanted[id]}" for id, value in found.items() if value is None]
    if missing:
        raise ConfigError(
            "a build secret has no value",
            where="build.secrets",
            evidence=missing,
            fix="export the variable or write the file; an optional one: file:PATH?",
        )
    return {id: value for id, value in found.items() if value is not None and value.reveal()}


def _secret(ref: str, root: Path) -> Secret | None:
    """The value; an empty secret for an optional reference (it ends in `?`) without one."""
    optional = ref.endswith("?")
    kind, _, name = ref.removesuffix("?").partition(":")
    value = _read(root / name) if kind == "file" else os.environ.get(name or kind)
    if value:
        return Secret(value)
    return Secret("") if optional else None


def _read(path: Path) -> str | None:
    try:
        return path.expanduser().read_text()
    except OSError:
        return None
