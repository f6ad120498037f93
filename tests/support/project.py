"""A project to ship: the hello application in a folder of its own, with its deployer.yaml."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

APPS = Path(__file__).parent / "apps"
HEALTH = {
    "path": "/health",
    "interval": "1s",
    "timeout": "2s",
    "retries": 2,
    "start_period": "10s",
}


@dataclass
class Project:
    """`project.write(version="2", env={"CRASH": "1"})` makes the next ship another one."""

    folder: Path
    app: str
    base: str
    port: int
    config: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shutil.copytree(APPS / "hello", self.folder, dirs_exist_ok=True)
        self.write()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def write(
        self, version: str = "1", env: dict[str, str] | None = None, **changes: Any
    ) -> Project:
        """Writes deployer.yaml (JSON is YAML); `changes` replace top-level keys."""
        self.config = {
            "app": self.app,
            "service": "hello",
            "build": {"args": {"BASE": self.base, "VERSION": version}},
            "port": 8000,
            "env": env or {},
            "health": HEALTH,
            "targets": {"local": {"provider": "docker", "publish": self.port}},
        } | changes
        self.path.write_text(json.dumps(self.config, indent=2))
        return self

    @property
    def path(self) -> Path:
        return self.folder / "deployer.yaml"
