"""`deployer init`: two files, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.support.command import Command


def test_the_schema_that_the_file_names_is_there(cli: Command, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\nEXPOSE 8000\n")
    assert cli("init", cwd=folder).code == 0
    assert {path.name for path in folder.iterdir()} == {
        "Dockerfile",
        "deployer.yaml",
        "deployer.schema.json",
    }
    first = (folder / "deployer.yaml").read_text().splitlines()[0]
    named = re.findall(r"\$schema=(\S+)", first)
    assert json.loads((folder / named[0]).read_text())["type"] == "object"
