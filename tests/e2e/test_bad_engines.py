"""Engines that are away, go away, hang, or answer nonsense."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.support.command import START as MAIN
from tests.support.faultproxy import Fault, fault_proxy, said
from tests.support.session import Session
from tests.support.standing import QUICK, Standing, stand

pytestmark = pytest.mark.docker
SOCKET = "/var/run/docker.sock"
CREATE, START, LISTED = (
    "POST .*/containers/create",
    "POST .*/containers/[^/]*/start",
    "GET .*/containers/json",
)
FULL = '{"message": "write /var/lib/docker/x: no space left on device"}'


@pytest.fixture(scope="module")
def standing(
    tmp_path_factory: pytest.TempPathFactory,
    labelled: Session,
    engine: docker.DockerClient,
    python_base: str,
    edge_image: str,
) -> Iterator[Standing]:
    if not Path(SOCKET).is_socket():
        pytest.skip(f"there is no {SOCKET}")
    folder = tmp_path_factory.mktemp("engine")
    with stand(folder, labelled, engine, python_base, edge_image) as found:
        yield found


@pytest.fixture(autouse=True)
def tidy(standing: Standing) -> None:
    standing.tidy()


NOBODY = {
    "no socket": (3, "unix:///nowhere/docker.sock", ("its socket does not exist",)),
    "a closed port": (3, "tcp://127.0.0.1:1", ("connection was refused",)),
    "an unknown host": (3, "tcp://engine.invalid:2375", ("engine.invalid",)),
    "an unknown protocol": (2, "foo://bar", ("settings to reach", "foo://bar")),
}


@pytest.mark.parametrize("command", ["ship", "status", "rollback"])
@pytest.mark.parametrize("case", NOBODY)
def test_an_engine_behind(standing: Standing, case: str, command: str) -> None:
    code, host, words = NOBODY[case]
    failure = standing.fails(code, command, DOCKER_HOST=host).says(host, *words, "DOCKER_HOST")
    assert "HTTPConnectionPool" not in failure.block


def test_a_socket_that_nobody_listens_on(standing: Standing, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "s"))
        host = f"unix://{tmp_path}/s"
        standing.fails(3, "ship", DOCKER_HOST=host).says("connection was refused", host)


AWAY = ("the Docker engine went away", "connection was refused")
MET: dict[str, tuple[int, Fault, tuple[str, ...]]] = {
    "dies at the first word": (3, Fault("die", "GET /version"), ("no Docker engine answers",)),
    "dies before it builds": (
        3,
        Fault("die", "POST .*/build"),
        ("the Docker engine does not answer", "DOCKER_HOST"),
    ),
    "dies before the container is made": (75, Fault("die", CREATE), AWAY),
    "dies before the container starts": (75, Fault("die", START), AWAY),
    "dies while its edge is told": (75, Fault("die", "PUT .*edge/archive"), AWAY),
    "is broken": (
        75,
        Fault("answer", CREATE, data=said("500 Oh", '{"message": "driver failed"}')),
        ("the engine failed", "driver failed"),
    ),
    "is full while it builds": (
        3,
        Fault("answer", "POST .*/build", data=said("500 Oh", FULL)),
        ("the disk is full", "docker system df"),
    ),
    "is full afterwards": (
        3,
        Fault("answer", CREATE, data=said("500 Oh", FULL)),
        ("the engine's disk is full", "docker system df"),
    ),
    "talks nonsense": (
        75,
        Fault("answer", LISTED, data=b"\x00\x01\x02 nonsense\r\n\r\n"),
        ("does not speak as a Docker engine",),
    ),
    "is a web server": (
        75,
        Fault("answer", LISTED, data=said("200 OK", "<html>", "text/html")),
        ("does not speak as a Docker engine",),
    ),
    "answers by halves": (75, Fault("truncate", LISTED), ("connection to the engine broke",)),
    "resets every connection": (75, Fault("reset", LISTED), ("connection to the engine broke",)),
}


@pytest.mark.parametrize("case", MET)
def test_an_engine_that(standing: Standing, tmp_path: Path, case: str) -> None:
    code, fault, words = MET[case]
    standing.project.write("2", {"CASE": case}, health=QUICK)
    gone = words is AWAY
    with fault_proxy(str(tmp_path / "s"), SOCKET, fault) as proxy:
        failure = standing.fails(
            code, "ship", "--timeout", "2s", untouched=not gone, DOCKER_HOST=proxy.host
        )
        assert proxy.met, f"no request met the fault: {proxy.requests}"
    failure.says(*words)
    if gone:
        failure.says("what serves now is not known", "deployer status")
        assert failure.document["outcome"] == "unknown"
        assert standing.answer() == "hello 1\n"
        heals(standing, case)


def test_an_engine_that_dies_while_a_step_of_the_build_runs(
    standing: Standing, tmp_path: Path
) -> None:
    text = f"FROM {standing.project.base}\nRUN sleep 20\n"
    (standing.project.folder / "Dockerfile").write_text(text)
    fault = Fault("call", "POST .*/build")
    with fault_proxy(str(tmp_path / "s"), SOCKET, fault) as proxy:
        fault.then = lambda: threading.Timer(2, proxy.close).start()
        failure = standing.fails(3, "ship", DOCKER_HOST=proxy.host)
    failure.says("the Docker engine went away during the build")


ONCE = {
    "the answer to a creation is lost": Fault("cut", CREATE, times=1),
    "the answer to a start is lost": Fault("cut", START, times=1),
    "a request never arrives": Fault("reset", CREATE, times=1),
    "an answer is cut in half": Fault("truncate", LISTED, nth=3, times=1),
    "it fails for a moment": Fault("answer", CREATE, times=2, data=said("503 Busy")),
    "every answer is slow": Fault("slow", seconds=0.02),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", ONCE)
def test_a_ship_gets_through_though(standing: Standing, tmp_path: Path, case: str) -> None:
    fault = ONCE[case]
    standing.project.write("2", {"CASE": case}, health=QUICK)
    with fault_proxy(str(tmp_path / "s"), SOCKET, fault) as proxy:
        done = standing.run("ship", DOCKER_HOST=proxy.host)
    assert proxy.met
    assert done.code == 0, done.err
    assert standing.answer() == "hello 2\n"
    heals(standing, case)


@pytest.mark.slow
def test_an_engine_that_hangs_is_given_up(standing: Standing, tmp_path: Path) -> None:
    with fault_proxy(str(tmp_path / "s"), SOCKET, Fault("hang", "GET /version")) as proxy:
        failure = standing.fails(75, "ship", "--timeout", "1s", DOCKER_HOST=proxy.host)
    failure.says("the engine does not answer", "said nothing", "docker info")


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root's right to pass over modes away")
def test_a_user_who_may_not_use_the_engine(standing: Standing, tmp_path: Path) -> None:
    weak = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    with fault_proxy(str(tmp_path / "s"), SOCKET) as proxy:
        (tmp_path / "s").chmod(0)
        done = subprocess.run(
            [*weak, sys.executable, "-c", MAIN, "ship", "--json"],
            env=standing.cli.environment() | {"DOCKER_HOST": proxy.host},
            cwd=standing.project.folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (done.returncode, json.loads(done.stdout)["exit_code"]) == (8, 8), done.stderr
    assert "no permission on the Docker socket" in done.stderr
    assert "usermod -aG docker" in done.stderr


def heals(standing: Standing, case: str) -> None:
    """The next ship, of another version 1, clears away whatever was left."""
    standing.project.write("1", {"CASE": case}, health=QUICK)
    done = standing.run("ship", "--json")
    assert done.code == 0, done.err
    assert standing.answer() == "hello 1\n"
    release = json.loads(done.out)["targets"][0]["serving"]
    running = standing.engine.containers.list(filters=standing.filter)
    apps = [str(c.name) for c in running if not str(c.name).endswith("-edge")]
    assert apps == [f"{standing.project.app}-hello-{release}"]
    stuck = standing.engine.containers.list(
        all=True, filters={**standing.filter, "status": "created"}
    )
    assert not stuck
    standing.before = standing.containers()
