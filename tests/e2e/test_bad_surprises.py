"""What somebody else does behind our back, and what is asked for and is not there."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest

from tests.support.session import Session
from tests.support.standing import QUICK, Standing, stand

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def standing(
    tmp_path_factory: pytest.TempPathFactory,
    labelled: Session,
    engine: docker.DockerClient,
    python_base: str,
    edge_image: str,
) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("surprise")
    with stand(folder, labelled, engine, python_base, edge_image) as found:
        yield found


@pytest.fixture(autouse=True)
def tidy(standing: Standing) -> None:
    standing.tidy()


def edge(standing: Standing) -> Any:
    return standing.engine.containers.get(f"{standing.project.app}-hello-edge")


def app(standing: Standing) -> Any:
    running = standing.engine.containers.list(
        filters={"label": [f"deployer.app={standing.project.app}", "deployer.role=app"]}
    )
    assert len(running) == 1
    return running[0]


def test_rolling_back_to_nothing_or_to_what_never_was(standing: Standing) -> None:
    standing.fails(3, "rollback").says("no successful release before", "deployer releases")
    standing.fails(3, "rollback", "r000").says("there is no release r000", "deployer releases")


def test_a_lock_by_hand_names_who_and_why(standing: Standing) -> None:
    assert standing.run("lock", "take", "-m", "the database is being moved").code == 0
    try:
        for command in ("ship", "destroy"):
            failure = standing.fails(7, command, "--yes", "--lock-wait", "1s")
            failure.says("locked by", "the database is being moved", "deployer lock release")
    finally:
        assert standing.run("lock", "release").code == 0


def test_a_port_that_a_container_has(standing: Standing, labelled: Session) -> None:
    holder = edge(standing).name
    standing.project.app = f"{standing.project.app}-two"
    try:
        standing.project.write("2", health=QUICK)
        failure = standing.fails(3, "ship", untouched=False)
    finally:
        leftovers = standing.containers()
        standing.project.app = standing.project.app.removesuffix("-two")
    failure.says(f"port {standing.project.port}", "in use", f"docker stop {holder}", "publish")
    assert not leftovers
    standing.stands()


def test_a_port_that_another_process_has(standing: Standing) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        standing.project.write(
            "2", health=QUICK, targets={"local": {"provider": "docker", "publish": port}}
        )
        failure = standing.fails(3, "ship", untouched=False)
    failure.says(f"port {port}", "another process", "publish")
    assert standing.answer() == "hello 1\n"
    standing.before = standing.containers()


OPTIONS = {
    "a network that is not there": ({"network": "no-such-net"}, ("no-such-net",)),
    "an edge image that nobody has": (
        {"edge_image": "registry.invalid/edge:1"},
        ("the edge's image registry.invalid/edge:1", "cannot be pulled"),
    ),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_a_target_with(standing: Standing, case: str) -> None:
    options, words = OPTIONS[case]
    target = {"provider": "docker", "publish": standing.project.port, **options}
    standing.project.write("2", health=QUICK, targets={"local": target})
    standing.fails(3, "ship").says(*words)


def gone(standing: Standing) -> None:
    app(standing).remove(force=True)


def stopped(standing: Standing) -> None:
    app(standing).stop(timeout=1)


def edge_gone(standing: Standing) -> None:
    edge(standing).remove(force=True)


def edge_stopped(standing: Standing) -> None:
    edge(standing).stop(timeout=1)


@pytest.mark.parametrize("harm", [gone, stopped, edge_gone, edge_stopped])
def test_what_somebody_breaks_is_told_by_status_and_healed_by_the_next_ship(
    standing: Standing, harm: Callable[[Standing], None]
) -> None:
    harm(standing)
    status = standing.run("status", "--json")
    assert status.code == 0, status.err
    told = json.loads(status.out)["targets"][0]["observed"]
    well = [r for r in told["revisions"] if r["weight"] and r["state"] == "healthy"]
    assert not well, told
    standing.project.write("1", health=QUICK)
    done = standing.run("ship")
    assert done.code == 0, done.err
    assert standing.answer() == "hello 1\n"
    assert app(standing)
    standing.before = standing.containers()


def test_a_rollback_is_refused_before_anything_moves_if_the_image_is_gone(
    standing: Standing,
) -> None:
    first = app(standing)
    release, image = first.labels["deployer.release"], first.image.id
    standing.project.write("2", health=QUICK)
    assert standing.run("ship").code == 0
    standing.engine.containers.get(first.name).remove(force=True)
    standing.engine.images.remove(image, force=True)
    before = standing.containers()
    failure = standing.fails(3, "rollback", release, untouched=False)
    failure.says("is not on this engine any more", "ship again", "is serving")
    assert standing.answer() == "hello 2\n"
    assert standing.containers() == before
    standing.project.write("1", health=QUICK)
    assert standing.run("ship").code == 0
    standing.before = standing.containers()
