"""A project on the in-memory provider, whose world is a file: every run of the CLI shares it.

The image's tag decides what happens (see deployer.testing.memory): `--image memory.invalid/x:TAG`.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.command import ROOT, Command, Result

IMAGE = "memory.invalid/shop"


@dataclass
class Shop:
    """`shop("ship", "--image", …)` runs one command in the project's folder."""

    cli: Command
    folder: Path
    packages: Path
    config: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        target = {"provider": "memory", "world": str(self.folder / "world.json"), "polls": 0}
        self.write(
            app="shop",
            service="api",
            image=f"{IMAGE}:one",
            port=8000,
            verify="platform",
            targets={"here": target},
        )

    def write(self, **changes: Any) -> None:
        """Write deployer.yaml; `changes` replace top-level keys."""
        self.config |= changes
        self.path.write_text(yaml.safe_dump(self.config, sort_keys=False))

    def paced(self, polls: int) -> None:
        """How often each action says "not yet": 20 is about half a minute, 0 is at once."""
        self.write(targets={"here": self.config["targets"]["here"] | {"polls": polls}})

    def two(self, polls: int = 0) -> None:
        """Two targets with worlds of their own."""
        here = self.config["targets"]["here"] | {"polls": polls}
        there = self.folder / "there"
        there.mkdir()
        self.write(targets={"here": here, "there": here | {"world": str(there / "world.json")}})

    def production(self) -> None:
        """A protected environment beside an open one."""
        here: dict[str, Any] = {"targets": {"here": {}}}
        self.write(environments={"staging": here, "production": here | {"protected": True}})

    @property
    def path(self) -> Path:
        return self.folder / "deployer.yaml"

    def env(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        path = self.cli.environment()["PYTHONPATH"]
        path = os.pathsep.join([str(self.folder / "packages"), str(self.packages), path])
        return {"PYTHONPATH": path, **(more or {})}

    def packages_of_this_test(self) -> Path:
        """A folder that is searched for packages first."""
        (self.folder / "packages").mkdir(exist_ok=True)
        return self.folder / "packages"

    def shell(self, line: str) -> subprocess.CompletedProcess[str]:
        """`deployer LINE` in a shell, whose status is that of deployer itself."""
        return subprocess.run(
            ["bash", "-c", f"set -o pipefail; {shlex.quote(sys.executable)} -m deployer {line}"],
            cwd=self.folder,
            env=self.cli.environment() | self.env(),
            capture_output=True,
            text=True,
            timeout=60,
        )

    def __call__(
        self, *arguments: str, env: Mapping[str, str] | None = None, stdin: str = ""
    ) -> Result:
        return self.cli(*arguments, cwd=self.folder, env=self.env(env), stdin=stdin, timeout=60)

    def start(
        self, *arguments: str, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        return self.cli.start(*arguments, cwd=self.folder, env=self.env(env))

    def ship(self, tag: str, *arguments: str) -> Result:
        return self("ship", "--image", f"{IMAGE}:{tag}", *arguments)

    def live(self) -> str | None:
        """The release that serves, as `status --json` says."""
        seen = self("status", "--json").json["targets"][0]["observed"]
        serving = [one["release"] for one in seen["revisions"] if one["weight"]]
        return serving[0] if serving else None


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an installation would say about entry points, so that none is needed."""
    folder = tmp_path_factory.mktemp("packages")
    info = folder / "deployer_cli-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: deployer-cli\nVersion: 0\n")
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    lines = [f"[{group}]\n" + "\n".join(f"{k} = {v}" for k, v in points.items())
             for group, points in groups.items()]  # fmt: skip
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def shop(cli: Command, tmp_path: Path, packages: Path) -> Shop:
    folder = tmp_path / "shop"
    folder.mkdir()
    return Shop(cli, folder, packages)
