"""Real builds: the engine of this machine, real builders, a real registry, and no network."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.errors import BuildError
from deployer.image.builder import PLUGIN_FOLDERS, Builder, choose
from tests.registry.servers import registry

FETCH = Path(__file__).parents[2] / "scripts" / "lib" / "buildx"
LABEL = "deployer.test=image"


@pytest.fixture(scope="session")
def engine() -> Iterator[None]:
    """A running engine; whatever the tests leave in it is removed by its label."""
    if not shutil.which("docker") or _docker("version").returncode:
        pytest.skip("no Docker engine")
    yield
    listed = _docker("image", "ls", "-q", "--filter", f"label={LABEL}").stdout.split()
    if listed:
        _docker("image", "rm", "-f", *set(listed))


@pytest.fixture(scope="session")
def buildx() -> Builder:
    done = subprocess.run([FETCH], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no buildx here: {done.stderr.strip()[-200:]}")
    return choose(os.environ, (Path(done.stdout.strip()).parent, *PLUGIN_FOLDERS))


@pytest.fixture(scope="session")
def old_client() -> Builder:
    home = {"HOME": "/nonexistent", "PATH": os.environ["PATH"]}
    try:
        return choose(home, ())
    except BuildError as error:
        pytest.skip(f"no client with BuildKit inside: {error.evidence}")


@pytest.fixture(params=["buildx", "old_client"])
def builder(request: pytest.FixtureRequest, engine: None) -> Builder:
    found: Builder = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry(tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A context with a static busybox, the only program that images have here."""
    busybox = shutil.which("busybox")
    if not busybox:
        pytest.skip("busybox-static is not installed")
    folder = tmp_path / "context"
    folder.mkdir()
    shutil.copy(busybox, folder / "busybox")
    return folder


def _docker(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
