"""The examples' own tests, each in an environment of its own with its own pinned dependencies."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

import pytest

from tests.support.sources import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/tests"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_passes_its_own_tests(example: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-r", "requirements.txt", "pytest"], check=True, cwd=example)
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(example)]
    done = subprocess.run(command, cwd=example, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
