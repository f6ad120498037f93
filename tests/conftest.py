"""Fixtures for the real parts: an engine, a registry, images, load, the command line.

Session-scoped and lazy: nothing starts unless a test asks for it. Tests marked `docker` get the
engine without asking. Where no engine answers they are skipped with the reason, or fail if
DEPLOYER_REQUIRE_ENGINE=1 (as `scripts/test` sets it), which also installs and starts one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn, Protocol

import docker
import pytest

from tests.support import registry
from tests.support.command import Command
from tests.support.load import load as hammer
from tests.support.ports import free_port as find_port
from tests.support.project import APPS, Project
from tests.support.scripts import ScriptFailed, script
from tests.support.session import Session

REQUIRED = os.environ.get("DEPLOYER_REQUIRE_ENGINE") == "1"


class StartRegistry(Protocol):
    """See tests.support.registry.serve."""

    def __call__(self, auth: registry.Auth = "none") -> registry.RegistryServer: ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The fast set first; then what needs an engine, then what is slow."""
    for item in items:
        if item.get_closest_marker("docker") and "engine" not in item.fixturenames:  # type: ignore[attr-defined]
            item.fixturenames.insert(0, "engine")  # type: ignore[attr-defined]
    items.sort(key=_cost)


def _cost(item: pytest.Item) -> tuple[bool, bool]:
    engine = "engine" in getattr(item, "fixturenames", ())
    return bool(item.get_closest_marker("slow")), engine


@pytest.fixture(scope="session")
def labelled() -> Session:
    """The id that marks everything created in this session."""
    return Session()


@pytest.fixture(scope="session")
def engine(labelled: Session) -> Iterator[docker.DockerClient]:
    """A client of a real engine. At the end, what carries the session's id is removed."""
    client = _connect()
    yield client
    labelled.remove_all(client)
    client.close()
    if REQUIRED:
        script("engine", "stop")


@pytest.fixture(scope="session")
def python_base(engine: docker.DockerClient) -> str:
    """The name of a local base image with Python, certificates and curl."""
    return _image("base-image", "python")


@pytest.fixture(scope="session")
def busybox_base(engine: docker.DockerClient) -> str:
    """The name of a local 2 MB base image with busybox."""
    return _image("base-image", "busybox")


@pytest.fixture(scope="session")
def edge_image(engine: docker.DockerClient) -> str:
    """The name of a local image of the edge proxy."""
    return _image("edge-image")


@pytest.fixture(scope="session")
def hello_image(
    engine: docker.DockerClient, labelled: Session, python_base: str
) -> Callable[[str], str]:
    """`hello_image("2")` builds tests/support/apps/hello saying that version; its reference."""

    def build(version: str = "1") -> str:
        tag = f"{labelled.name('hello')}:{version}"
        arguments = {"BASE": python_base, "VERSION": version}
        engine.images.build(
            path=str(APPS / "hello"), tag=tag, buildargs=arguments, labels=labelled.labels, rm=True
        )
        return tag

    return build


@pytest.fixture(scope="session")
def start_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartRegistry]:
    """`start_registry("basic")` starts one more registry: none, basic or bearer."""
    servers: list[registry.RegistryServer] = []
    binary = _or_skip("registry")

    def start(auth: registry.Auth = "none") -> registry.RegistryServer:
        servers.append(registry.serve(binary, tmp_path_factory.mktemp("registry"), auth))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def registry_server(start_registry: StartRegistry) -> registry.RegistryServer:
    """One real registry for the session, without a login."""
    return start_registry()


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """`free_port()` is another port at each call."""
    return find_port


@pytest.fixture(scope="session")
def load() -> Callable[..., object]:
    """See tests.support.load.load."""
    return hammer


@pytest.fixture
def cli(tmp_path: Path) -> Command:
    """Runs the real `deployer`; HOME is an empty folder."""
    home = tmp_path / "home"
    home.mkdir()
    return Command(home)


@pytest.fixture
def project(tmp_path: Path, labelled: Session, python_base: str) -> Project:
    """The hello application with a deployer.yaml for the docker target, on a free port."""
    return Project(tmp_path / "project", labelled.name("hello"), python_base, find_port())


def _connect() -> docker.DockerClient:
    if REQUIRED:
        _or_skip("engine", "start")
    try:
        client = docker.DockerClient.from_env(timeout=60)
        client.ping()
    except docker.errors.DockerException as error:
        _unavailable(f"no Docker engine answers: {error}")
    return client


def _image(name: str, *arguments: str) -> str:
    return _or_skip(name, *arguments)


def _or_skip(name: str, *arguments: str) -> str:
    try:
        return script(name, *arguments)
    except ScriptFailed as error:
        _unavailable(str(error))


def _unavailable(reason: str) -> NoReturn:
    if REQUIRED:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
