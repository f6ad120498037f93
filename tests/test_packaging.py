"""The wheel: what it puts into site-packages, and that it works there alone."""

from __future__ import annotations

import configparser
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.support.sources import ROOT, packages

pytestmark = pytest.mark.slow
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def names(wheel: Path) -> list[str]:
    with ZipFile(wheel) as archive:
        return archive.namelist()


def pip(*arguments: str, python: str = sys.executable) -> None:
    command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, cwd=ROOT)


def test_top_level_names_are_ours_and_all_of_ours(names: list[str]) -> None:
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {
        path.name for path in packages()
    }


def test_every_package_carries_its_type_marker(names: list[str]) -> None:
    assert not {f"{path.name}/py.typed" for path in packages()} - set(names)


def test_nothing_but_the_product_is_inside(names: list[str]) -> None:
    assert not [name for name in names if "test_" in name or name.endswith(".pyc")]


def test_data_files_travel_along(names: list[str]) -> None:
    data = {
        str(path.relative_to(package.parent))
        for package in packages()
        for path in package.rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".py")
    }
    assert not data - set(names)


def test_entry_points(wheel: Path, names: list[str]) -> None:
    found = configparser.ConfigParser(delimiters=["="])
    with ZipFile(wheel) as archive:
        inside = next(name for name in names if name.endswith("entry_points.txt"))
        found.read_string(archive.read(inside).decode())
    assert dict(found["console_scripts"]) == PROJECT["scripts"]
    assert dict(found["deployer.providers"]) == PROJECT["entry-points"]["deployer.providers"]


@pytest.mark.timeout(300)
def test_the_wheel_works_alone(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    pip("install", str(wheel), python=python)
    code = "\n".join(
        [
            "from importlib.metadata import entry_points",
            "for e in entry_points(group='deployer.providers'): assert callable(e.load()), e",
            "from importlib.util import find_spec",
            "assert not any(map(find_spec, ['providers', 'pipelines', 'tests', 'examples']))",
        ]
    )
    subprocess.run([python, "-I", "-c", code], check=True, cwd=tmp_path)
    command = [str(tmp_path / "venv" / "bin" / "deployer"), "--version"]
    said = subprocess.run(command, check=True, cwd=tmp_path, capture_output=True, text=True)
    assert PROJECT["version"] in said.stdout
