"""Which program can build here: chosen by what works, not by what comes first on the PATH.

A Docker client of version 23 or later without the buildx plugin cannot use BuildKit at all, while
an older one further down the PATH can.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from deployer.errors import BuildError
from deployer.registry.login import config_folder

PLUGIN_FOLDERS = tuple(
    Path(folder)
    for folder in (
        "/usr/local/lib/docker/cli-plugins",
        "/usr/local/libexec/docker/cli-plugins",
        "/usr/lib/docker/cli-plugins",
        "/usr/libexec/docker/cli-plugins",
        "/opt/homebrew/lib/docker/cli-plugins",
        "/Applications/Docker.app/Contents/Resources/cli-plugins",
    )
)
_PROBE_SECONDS = 20.0
_INSTALL = {
    "darwin": "brew install docker-buildx",
    "debian": "apt-get install docker-buildx (Debian 13), or docker.io (Debian 12)",
    "ubuntu": "apt-get install docker-buildx",
    "fedora": "dnf install docker-buildx",
    "alpine": "apk add docker-cli-buildx",
    "arch": "pacman -S docker-buildx",
}


class Kind(StrEnum):
    """How BuildKit is reached: the buildx plugin, or a Docker client that has it built in."""

    BUILDX = "buildx"
    CLI = "cli-buildkit"


@dataclass(frozen=True, slots=True)
class Builder:
    """A program that builds. `docker` is a client for what buildx cannot do, if there is one."""

    kind: Kind
    program: Path
    version: str
    docker: Path | None = None


def choose(
    environment: Mapping[str, str] | None = None,
    plugin_folders: Sequence[Path] = PLUGIN_FOLDERS,
) -> Builder:
    """The builder to use: buildx, run directly (80 ms quicker than through `docker`), else a
    client between 18.09 and 22 with BuildKit inside.

    BuildError naming everything found, and the installation on this system, if nothing works.
    """
    given = dict(os.environ if environment is None else environment)
    seen: list[str] = []
    clients = list(_clients(given, seen))
    for plugin in _plugins(given, plugin_folders):
        if version := _probe(plugin, "version", given):
            return Builder(Kind.BUILDX, plugin, _number(version), _first(clients))
        seen.append(f"{plugin}: does not run")
    for program, version in clients:
        if (18, 9) <= _pair(version) < (23, 0):
            return Builder(Kind.CLI, program, version, program)
        seen.append(f"{program}: client {version} without the buildx plugin")
    raise _nothing_works(seen)


def _clients(given: Mapping[str, str], seen: list[str]) -> Iterator[tuple[Path, str]]:
    """Every different `docker` on the PATH with its version; podman's imitation is no client."""
    done: set[Path] = set()
    for folder in given.get("PATH", os.defpath).split(os.pathsep):
        program = Path(folder or ".") / "docker"
        real = program.resolve()
        if real in done or not os.access(program, os.X_OK) or not program.is_file():
            continue
        done.add(real)
        answer = _probe(program, "--version", given)
        if "Docker version" in answer:
            yield program, _number(answer)
        else:
            seen.append(f"{program}: no Docker client ({answer.strip()[:60] or 'does not run'})")


def _plugins(given: Mapping[str, str], folders: Sequence[Path]) -> Iterator[Path]:
    home = Path(given.get("HOME") or Path.home()) / ".docker"
    for folder in (config_folder(given) / "cli-plugins", home / "cli-plugins", *folders):
        plugin = folder / "docker-buildx"
        if os.access(plugin, os.X_OK) and plugin.is_file():
            yield plugin


def _probe(program: Path, word: str, given: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            [str(program), word],
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            env=dict(given),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _first(clients: Sequence[tuple[Path, str]]) -> Path | None:
    return clients[0][0] if clients else None


def _number(text: str) -> str:
    found = re.search(r"\bv?(\d+\.\d+(?:\.\d+)?)", text)
    return found[1] if found else "0.0"


def _pair(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _nothing_works(seen: Sequence[str]) -> BuildError:
    return BuildError(
        "there is nothing here that can build with BuildKit",
        why="it needs Docker's buildx plugin"
        if seen
        else "there is no `docker` on the PATH, and no buildx plugin",
        evidence=tuple(seen),
        fix=_INSTALL.get(_system(), "install docker-buildx from Docker's packages"),
    )


def _system() -> str:
    if sys.platform != "linux":
        return sys.platform
    try:
        text = Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return ""
    found = re.search(r'^ID="?([\w.-]+)', text, re.MULTILINE)
    return found[1] if found else ""
