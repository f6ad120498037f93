"""Sources that cannot be built, and machines that cannot build: said before anything changes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.support.session import Session
from tests.support.standing import Standing, stand

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def standing(
    tmp_path_factory: pytest.TempPathFactory,
    labelled: Session,
    engine: docker.DockerClient,
    python_base: str,
    edge_image: str,
) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("source")
    with stand(folder, labelled, engine, python_base, edge_image) as found:
        yield found


@pytest.fixture
def folder(standing: Standing) -> Path:
    standing.tidy()
    return standing.project.folder


DOCKERFILES = {
    "an unknown instruction": (
        "FROM {base}\nRUNN true\n",
        ("Dockerfile cannot be read", "Dockerfile:2", "unknown instruction: RUNN"),
    ),
    "nothing in it": ("", ("Dockerfile is empty",)),
    "a step that fails": (
        "FROM {base}\nRUN true\nRUN echo compiling; \\\n  echo no header stdio.h >&2; exit 7\n",
        ("Dockerfile:3", "ended with exit code 7", "no header stdio.h"),
    ),
    "a base that nobody has": (
        "FROM registry.invalid/no/such:1\nRUN true\n",
        ("a base image cannot be pulled", "Dockerfile:1", "registry.invalid", "FROM"),
    ),
    "a file that is not there": (
        "FROM {base}\nCOPY missing.txt /srv/\n",
        ("a file that the Dockerfile copies", "Dockerfile:2", "missing.txt", ".dockerignore"),
    ),
    "a step that fills the disk": (
        "FROM {base}\nRUN head -c 99999999 /dev/zero >/dev/shm/x\n",
        ("the disk is full", "Dockerfile:2", "No space left on device"),
    ),
    "a secret as an argument": (
        "FROM {base}\nARG NPM_TOKEN\n",
        ("Dockerfile:2", "NPM_TOKEN stays readable in the image", "--mount=type=secret"),
    ),
}


@pytest.mark.parametrize("case", DOCKERFILES)
def test_a_dockerfile_with(standing: Standing, folder: Path, case: str) -> None:
    text, words = DOCKERFILES[case]
    (folder / "Dockerfile").write_text(text.format(base=standing.project.base))
    standing.fails(3, "ship").says(*words)


BUILDS: dict[str, tuple[int, dict[str, Any], tuple[str, ...]]] = {
    "a context that is not there": (2, {"context": "app"}, ("context does not exist", "/app")),
    "a Dockerfile that is not there": (2, {"dockerfile": "Nope"}, ("no Dockerfile", "/Nope")),
    "a stage that is not there": (3, {"target": "rutnime"}, ("no such stage", "build.target")),
    "a build secret without a value": (
        2,
        {"secrets": ["pip_token"]},
        ("build secret has no value", "pip_token", "export the variable"),
    ),
    "a secret as a build argument": (
        2,
        {"args": {"API_TOKEN": "x"}},
        ("build.args.API_TOKEN looks like a secret", "build.secrets"),
    ),
}


@pytest.mark.parametrize("case", BUILDS)
def test_build_settings_with(standing: Standing, folder: Path, case: str) -> None:
    code, build, words = BUILDS[case]
    (folder / "Dockerfile").write_text(f"FROM {standing.project.base}\nRUN true\n")
    standing.project.write("2", build=build)
    standing.fails(code, "ship").says(*words)


def test_a_pipe_in_the_context_is_refused_before_anybody_reads_it(
    standing: Standing, folder: Path
) -> None:
    (folder / ".dockerignore").unlink()
    os.mkfifo(folder / "queue")
    standing.fails(3, "ship").says("a pipe in the build context", "/queue", "`queue`")


@pytest.mark.parametrize(
    ("name", "content"),
    [(".env", "DB=postgres://u:p@db"), ("settings.txt", "key = AKIA" + "QWERTYUIOPASDFGH")],
)
def test_a_secret_in_the_context_is_refused_and_not_repeated(
    standing: Standing, folder: Path, name: str, content: str
) -> None:
    (folder / ".dockerignore").unlink()
    (folder / name).write_text(content)
    failure = standing.fails(3, "ship").says("not fit to be shipped", f"where {name}", "secret")
    assert content.rpartition(" ")[2] not in failure.result.err + failure.result.out


def test_nothing_that_can_build(standing: Standing, folder: Path) -> None:
    failure = standing.fails(3, "ship", PATH="")
    failure.says("nothing here that can build", "no `docker` on the PATH", "docker-buildx")


def test_a_client_that_cannot_build(standing: Standing, folder: Path, tmp_path: Path) -> None:
    client = tmp_path / "docker"
    client.write_text("#!/bin/sh\necho Docker version 28.2.2, build e6534b4\n")
    client.chmod(0o755)
    (tmp_path / "sh").symlink_to(str(shutil.which("sh")))
    failure = standing.fails(3, "ship", PATH=str(tmp_path))
    failure.says("buildx", str(client), "28.2.2 without the buildx plugin")
