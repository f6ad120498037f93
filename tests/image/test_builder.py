from __future__ import annotations

from pathlib import Path

import pytest

from deployer.errors import BuildError
from deployer.image.builder import Kind, choose


def program(folder: Path, name: str, says: str, status: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
    file.chmod(0o755)
    return file


def environment(home: Path, *path: Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": ":".join(str(folder) for folder in path)}


def test_an_old_client_further_down_the_path_is_taken(tmp_path: Path) -> None:
    program(tmp_path / "new", "docker", "Docker version 28.2.2, build 1")
    old = program(tmp_path / "old", "docker", "Docker version 20.10.24+dfsg1, build 2")
    found = choose(environment(tmp_path, tmp_path / "new", tmp_path / "old"), ())
    assert (found.kind, found.program, found.version) == (Kind.CLI, old, "20.10.24")


def test_the_plugin_wins_and_the_client_is_kept(tmp_path: Path) -> None:
    docker = program(tmp_path / "bin", "docker", "Docker version 20.10.24, build 2")
    plugin = program(tmp_path / "sys", "docker-buildx", "github.com/docker/buildx v0.29.1 abc")
    found = choose(environment(tmp_path, tmp_path / "bin"), (tmp_path / "sys",))
    assert (found.kind, found.program, found.docker) == (Kind.BUILDX, plugin, docker)
    assert found.version == "0.29.1"


def test_the_users_plugin_comes_first(tmp_path: Path) -> None:
    program(tmp_path / "sys", "docker-buildx", "buildx 0.1.0")
    program(tmp_path / ".docker" / "cli-plugins", "docker-buildx", "buildx 0.2.0")
    assert choose(environment(tmp_path), (tmp_path / "sys",)).version == "0.2.0"
    program(tmp_path / "own" / "cli-plugins", "docker-buildx", "buildx 0.3.0")
    own = {**environment(tmp_path), "DOCKER_CONFIG": str(tmp_path / "own")}
    assert choose(own, (tmp_path / "sys",)).version == "0.3.0"


def test_a_broken_plugin_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "sys", "docker-buildx", "", status=1)
    program(tmp_path / "bin", "docker", "Docker version 19.03.1, build 2")
    found = choose(environment(tmp_path, tmp_path / "bin"), (tmp_path / "sys",))
    assert found.kind is Kind.CLI


def test_nothing_works_is_said_with_everything_seen(tmp_path: Path) -> None:
    new = program(tmp_path / "new", "docker", "Docker version 28.2.2, build 1")
    shim = program(tmp_path / "shim", "docker", "podman version 4.3.1")
    broken = program(tmp_path / "sys", "docker-buildx", "", status=1)
    with pytest.raises(BuildError, match="nothing here that can build") as caught:
        choose(environment(tmp_path, tmp_path / "new", tmp_path / "shim"), (tmp_path / "sys",))
    assert {line.partition(": ")[0] for line in caught.value.evidence} == {
        str(new),
        str(shim),
        str(broken),
    }
    assert "buildx" in str(caught.value.fix)


def test_an_empty_machine(tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        choose(environment(tmp_path, tmp_path), ())
    assert "no `docker` on the PATH" in str(caught.value.why)
