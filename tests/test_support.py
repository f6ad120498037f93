"""The test equipment itself: a fixture that lies makes every other test lie."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest

from tests.conftest import StartRegistry
from tests.support.load import load
from tests.support.project import Project
from tests.support.session import Session

pytestmark = pytest.mark.docker


@pytest.fixture
def hello(
    engine: docker.DockerClient, labelled: Session, hello_image: Callable[[str], str]
) -> Iterator[Callable[..., Any]]:
    """`hello(VERSION="2")` runs a container and returns it with its `url`."""
    started = []

    def run(**env: str) -> Any:
        container = engine.containers.run(
            hello_image("1"),
            detach=True,
            environment=env,
            labels=labelled.labels,
            ports={"8000/tcp": ("127.0.0.1", 0)},
        )
        started.append(container)
        return container

    yield run
    for container in started:
        container.remove(force=True)


def url(container: Any) -> str:
    container.reload()
    return f"http://127.0.0.1:{container.ports['8000/tcp'][0]['HostPort']}"


def get(address: str, tries: int = 40) -> str:
    for _ in range(tries):
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError(f"{address} does not answer")


def test_hello_answers_and_stops_within_a_second_under_load(hello: Callable[..., Any]) -> None:
    container = hello(VERSION="7")
    assert get(url(container)) == "hello 7\n"
    with load(url(container), threads=2) as hits:
        get(url(container) + "/slow?ms=300")
    assert hits.ok > 10
    assert not hits.failed
    container.stop(timeout=5)
    assert container.wait()["StatusCode"] == 0


def test_load_counts_failures(hello: Callable[..., Any]) -> None:
    container = hello(STATUS="500")
    get(url(container) + "/health")
    with load(url(container), threads=2, keep_alive=False) as hits:
        get(url(container) + "/slow?ms=200")
    assert hits.failed == hits.errors["status 500"] > 0
    assert not hits.ok


@pytest.mark.parametrize(
    ("env", "status", "said"),
    [({"CRASH": "3"}, 3, "crashing as told"), ({"REQUIRE": "TOKEN"}, 1, "TOKEN is not set")],
)
def test_hello_crashes_as_told(
    hello: Callable[..., Any], env: dict[str, str], status: int, said: str
) -> None:
    container = hello(**env)
    assert container.wait(timeout=20)["StatusCode"] == status
    assert said in container.logs().decode()


def test_registries_ask_for_what_they_are_told(start_registry: StartRegistry) -> None:
    plain, basic, bearer = (start_registry(kind) for kind in ("none", "basic", "bearer"))
    assert challenge(plain.url) is None
    assert str(challenge(basic.url)).startswith("Basic")
    assert bearer.tokens is not None
    assert bearer.tokens.realm in str(challenge(bearer.url))


def challenge(address: str) -> str | None:
    try:
        urllib.request.urlopen(f"{address}/v2/", timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
        return str(error.headers["WWW-Authenticate"])
    return None


def test_a_basic_registry_lets_the_tester_in(start_registry: StartRegistry) -> None:
    server = start_registry("basic")
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, server.url, str(server.user), str(server.password))
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
    with opener.open(f"{server.url}/v2/", timeout=5) as answer:
        assert answer.status == 200


def test_cleanup_removes_only_what_carries_the_id(
    engine: docker.DockerClient, labelled: Session
) -> None:
    mine, other = Session(), Session()
    volumes = [
        engine.volumes.create(session.name("volume"), labels=labelled.labels)
        for session in (mine, other)
    ]
    mine.remove_all(engine)
    left = {volume.name for volume in engine.volumes.list()}
    assert [volume.name in left for volume in volumes] == [False, True]


def test_cleanup_leaves_an_image_that_others_have_a_name_for(
    engine: docker.DockerClient, busybox_base: str
) -> None:
    mine = Session()
    engine.images.get(busybox_base).tag(mine.name("borrowed"))
    mine.remove_all(engine)
    assert busybox_base in engine.images.get(busybox_base).tags
    assert not engine.images.list(name=mine.name("borrowed"))


def test_a_project_is_a_complete_context(project: Project) -> None:
    assert {path.name for path in project.folder.iterdir()} >= {"Dockerfile", "deployer.yaml"}
    assert project.write(version="2").config["build"]["args"]["VERSION"] == "2"
