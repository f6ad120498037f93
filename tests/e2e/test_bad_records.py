"""Places of records that cannot be written, or hold what nobody wrote."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.support.session import Session
from tests.support.standing import QUICK, Standing, stand

pytestmark = pytest.mark.docker
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")


@pytest.fixture(scope="module")
def standing(
    tmp_path_factory: pytest.TempPathFactory,
    labelled: Session,
    engine: docker.DockerClient,
    python_base: str,
    edge_image: str,
) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("records")
    with stand(folder, labelled, engine, python_base, edge_image) as found:
        yield found


@pytest.fixture
def state(standing: Standing, tmp_path: Path) -> Path:
    """A folder for records, empty, that the next ship of version 2 will use."""
    standing.tidy()
    folder = tmp_path / "state"
    folder.mkdir()
    standing.project.write("2", health=QUICK, state=f"file://{folder}")
    return folder


def test_a_state_folder_that_is_a_file(standing: Standing, state: Path) -> None:
    state.rmdir()
    state.write_text("")
    standing.fails(3, "ship").says("state folder cannot be used", str(state))


@ROOT
@pytest.mark.parametrize(
    ("code", "options"), [(3, "ro"), (75, "size=4k,nr_inodes=2")], ids=["read-only", "full"]
)
def test_a_state_folder_that_cannot_be_written(
    standing: Standing, state: Path, code: int, options: str
) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "bad", str(state)], check=True)
    try:
        failure = standing.fails(code, "ship", "--timeout", "1s")
    finally:
        subprocess.run(["umount", str(state)], check=True)
    failure.says("state folder cannot be used", str(state), "writable and its disk not full")


def test_a_record_that_somebody_edited(standing: Standing, state: Path) -> None:
    standing.project.write("1", health=QUICK, state=f"file://{state}")
    assert standing.run("ship").code == 0
    standing.before = standing.containers()
    record = next(state.rglob("*-intent.json"))
    good = record.read_bytes()
    standing.project.write("2", health=QUICK, state=f"file://{state}")
    for bad in (good[:-30], b"", b'{"type": "intent"}', b"\x00\xff"):
        record.write_bytes(bad)
        for command in ("ship", "rollback"):
            failure = standing.fails(3, command)
            failure.says("a release record cannot be read", record.name)
    record.write_bytes(good.replace(b"{", b'{"schema":99,', 1))
    standing.fails(3, "ship").says("written by a newer deployer", "pip install -U deployer-cli")
