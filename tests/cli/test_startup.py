"""What a start may cost: commands that need no provider load no SDK, and nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import START, Command

HEAVY = ("boto3", "botocore", "google", "grpc", "azure", "docker", "requests", "rich", "pydantic")
CONFIG = """\
app: shop
service: api
image: registry.example/shop@sha256:DIGEST
port: 8000
health: {path: /health}
targets:
  local: {provider: docker, publish: 8080}
""".replace("DIGEST", "0" * 64)


def imported(cli: Command, folder: Path, *arguments: str) -> set[str]:
    """Top-level names that the command imported, by `-X importtime`."""
    command = [sys.executable, "-X", "importtime", "-c", START, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=cli.environment(), capture_output=True, text=True, timeout=60
    )
    lines = done.stderr.splitlines()
    said = "\n".join(line for line in lines if not line.startswith("import time:"))
    assert done.returncode == 0, done.stdout + said
    found = (line.split("|") for line in lines if line.startswith("import time:"))
    return {parts[-1].strip().split(".")[0] for parts in found}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["plan", "--offline"]])
def test_no_sdk_and_nothing_heavy_is_imported(
    cli: Command, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "deployer.yaml").write_text(CONFIG)
    names = imported(cli, tmp_path, *arguments)
    assert "deployer" in names
    assert not names & set(HEAVY)
