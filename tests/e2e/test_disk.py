"""What deployer leaves on an engine's disk: the releases that can come back, and no more."""

from __future__ import annotations

from typing import Any

import docker
import pytest

from tests.support.command import Command
from tests.support.project import Project

pytestmark = pytest.mark.docker


def test_images_built_for_releases_that_are_gone_are_gone_too(
    cli: Command, project: Project, engine: docker.DockerClient, edge_image: str
) -> None:
    target: dict[str, Any] = {"provider": "docker", "publish": project.port, "keep": 1}
    environ = {"DEPLOYER_EDGE_IMAGE": edge_image}

    def built() -> set[str]:
        """Versions of which an image is there."""
        images = engine.images.list(filters={"reference": f"{project.app}/hello"})
        found = (v.partition("=") for i in images for v in i.attrs["Config"]["Env"])
        return {value for name, _, value in found if name == "VERSION"}

    for version in ("1", "2", "3"):
        project.write(version, targets={"local": target})
        assert cli("ship", "--yes", cwd=project.folder, env=environ).code == 0
    assert built() == {"2", "3"}
    assert cli("rollback", "--yes", cwd=project.folder, env=environ).code == 0
    assert cli("destroy", "--yes", "--records", cwd=project.folder, env=environ).code == 0
    assert built() == set()
