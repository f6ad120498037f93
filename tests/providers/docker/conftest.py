"""One scope on the real engine, with a provider bound to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import docker
import pytest

from deployer.model import EngineImage, Health, Scope, Spec
from deployer.quantity import Seconds
from deployer_docker.options import Options
from deployer_docker.provider import DockerProvider
from tests.support.session import Session
from tests.support.shop import remove_app

Make = Callable[..., Spec]
COUNTER = [0]


@pytest.fixture(autouse=True)
def _edge(edge_image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "DEPLOYER_EDGE_IMAGE", edge_image)


@pytest.fixture
def options(free_port: Callable[[], int]) -> Options:
    """The options of the target; a test may override the fixture."""
    return Options(publish=str(free_port()))


@pytest.fixture
def provider(options: Options, engine: docker.DockerClient) -> Iterator[DockerProvider]:
    """A provider on the session's engine."""
    found = DockerProvider(options)
    yield found
    found.close()


@pytest.fixture
def scope(labelled: Session, engine: docker.DockerClient) -> Iterator[Scope]:
    """A scope that no other test uses; removed at once: an engine has some thirty networks."""
    COUNTER[0] += 1
    app = labelled.name(f"c{COUNTER[0]}")
    yield Scope(app=app, environment="default", target="local", service="api", name=f"{app}-api")
    remove_app(engine, app)


@pytest.fixture
def make(scope: Scope, hello_image: Callable[[str], str], engine: docker.DockerClient) -> Make:
    """`make("1", env={…})` is a spec of the hello application that says this version."""

    def spec(version: str = "1", **changes: object) -> Spec:
        reference = hello_image(version)
        found = engine.images.get(reference)
        image = EngineImage(name=reference, digest=str(found.id))
        quick = Health(
            path="/health",
            interval=Seconds(1),
            timeout=Seconds(2),
            retries=2,
            start_period=Seconds(5),
        )
        fields: dict[str, object] = {"port": 8000, "health": quick, **changes}
        return Spec(scope=scope, image=image, **fields)  # type: ignore[arg-type]

    return spec
