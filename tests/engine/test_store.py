"""Create-only objects in a volume, with real processes that race and die."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.errors import ConfigError
from deployer_engine.client import Engine, connect
from deployer_engine.edge import Edge, EdgeSpec
from deployer_engine.store import _CREATE, HELPER, LARGEST, VolumeStore
from tests.engine.conftest import LABELS

pytestmark = pytest.mark.docker


@pytest.fixture
def store(engine: Engine, name: str, edge_image: str) -> Iterator[VolumeStore]:
    with VolumeStore(engine, f"{name}-state", image=edge_image, labels=LABELS) as made:
        yield made


def helpers(engine: Engine, name: str) -> list[str]:
    found = engine.sdk.containers.list(all=True, filters={"label": f"{HELPER}={name}-state"})
    return [str(container.id) for container in found]


def test_an_object_is_created_once_and_read_back(store: VolumeStore) -> None:
    data = os.urandom(LARGEST)
    assert store.create("records/0001-a.json", data)
    assert not store.create("records/0001-a.json", b"other")
    assert store.read("records/0001-a.json") == data
    assert store.read("records/none") is None


def test_many_are_read_at_once_and_listed_in_order(store: VolumeStore) -> None:
    wanted = {f"records/{i:04}.json": b"\n\0" * i for i in (3, 1, 2, 0)}
    for key, data in wanted.items():
        assert store.create(key, data)
    store.create("lease/1", b"x")
    assert store.list("records") == sorted(wanted)
    assert store.list("nothing") == []
    assert store.read_many([*wanted, "records/none"]) == wanted


def test_a_deleted_object_can_be_made_again(store: VolumeStore) -> None:
    store.delete("lease/1")
    assert store.create("lease/1", b"a")
    store.delete("lease/1")
    assert store.read("lease/1") is None
    assert store.create("lease/1", b"b")


@pytest.mark.parametrize(
    "key", ["", "/a", "a//b", "../a", "a/../b", "a b", "a/.tmp", "a\nb", "-a"]
)
def test_a_bad_key_is_refused(key: str) -> None:
    with pytest.raises(ConfigError):
        VolumeStore.read(VolumeStore.__new__(VolumeStore), key)


def test_too_large_an_object_is_refused(store: VolumeStore) -> None:
    with pytest.raises(ConfigError, match="takes 262144"):
        store.create("records/large", bytes(LARGEST + 1))


def test_the_clock_is_the_engines(store: VolumeStore) -> None:
    assert abs(store.now() - time.time()) < 5


def test_without_an_edge_a_helper_serves_and_goes(
    engine: Engine, name: str, edge_image: str
) -> None:
    with VolumeStore(engine, f"{name}-state", image=edge_image, labels=LABELS) as store:
        store.create("records/1", b"1")
        assert len(helpers(engine, name)) == 1
    assert helpers(engine, name) == []
    assert engine.sdk.volumes.get(f"{name}-state")


def test_with_an_edge_no_helper_is_needed(
    engine: Engine, name: str, edge_image: str, port: int
) -> None:
    volume = f"{name}-state"
    spec = EdgeSpec(f"{name}-edge", f"{name}-net", port, image=edge_image, volume=volume)
    Edge(engine, spec).ensure()
    with VolumeStore(engine, volume, image=edge_image, labels=LABELS) as store:
        store.create("records/1", b"1")
        assert helpers(engine, name) == []
        Edge(engine, spec).remove()
        assert store.read("records/1") == b"1"
        assert len(helpers(engine, name)) == 1


def _race(name: str, image: str, rounds: int, barrier: object, wins: object) -> None:
    with connect() as engine, VolumeStore(engine, name, image=image, labels=LABELS) as store:
        for i in range(rounds):
            barrier.wait()  # type: ignore[attr-defined]
            if store.create(f"lease/{i}", str(os.getpid()).encode() * 1000):
                wins.put((i, os.getpid()))  # type: ignore[attr-defined]


def test_of_twelve_processes_exactly_one_wins(
    engine: Engine, name: str, edge_image: str, store: VolumeStore
) -> None:
    rounds, racers = 20, 12
    context = multiprocessing.get_context("spawn")
    barrier, wins = context.Barrier(racers), context.Queue()
    arguments = (f"{name}-state", edge_image, rounds, barrier, wins)
    racing = [context.Process(target=_race, args=arguments) for _ in range(racers)]
    for process in racing:
        process.start()
    won = dict(wins.get(timeout=60) for _ in range(rounds))
    for process in racing:
        process.join(30)
    assert sorted(won) == list(range(rounds))
    assert wins.empty()
    held = store.read_many(f"lease/{i}" for i in range(rounds))
    assert held == {f"lease/{i}": str(pid).encode() * 1000 for i, pid in won.items()}


def test_data_that_stops_on_its_way_never_becomes_an_object(
    engine: Engine, store: VolumeStore
) -> None:
    size = str(LARGEST)
    command = ["sh", "-c", _CREATE, "store", size, "records/torn"]
    made = engine.api.exec_create(store._place(), command, stdin=True, user="0")
    stream = engine.api.exec_start(made["Id"], socket=True)
    raw = stream._sock
    raw.sendall(bytes(LARGEST // 2))
    time.sleep(0.2)
    assert store.read("records/torn") is None  # under way
    raw.shutdown(socket.SHUT_RDWR)  # what a killed process looks like
    stream.close()
    raw.close()
    while engine.api.exec_inspect(made["Id"])["Running"]:
        time.sleep(0.05)
    assert store.list("records") == []
    assert store.create("records/torn", b"whole")


WRITER = """
import sys
from deployer_engine.client import connect
from deployer_engine.store import VolumeStore
store = VolumeStore(connect(), sys.argv[1], image=sys.argv[2], labels={"deployer.test": "engine"})
store.list("records")
print("ready", flush=True)
for i in range(1000):
    store.create(f"records/{i:04}", bytes([i % 251]) * 200_000)
"""


def test_a_killed_writer_leaves_whole_objects_or_none(
    engine: Engine, name: str, edge_image: str, store: VolumeStore
) -> None:
    root = Path(__file__).parents[2]
    environ = {**os.environ, "PYTHONPATH": f"{root}:{root / 'providers'}"}
    command = [sys.executable, "-c", WRITER, f"{name}-state", edge_image]
    for delay in (0.02, 0.05, 0.09, 0.13, 0.2):
        writer = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
    time.sleep(0.5)
    found = store.read_many(store.list("records"))
    assert found
    for key, data in found.items():
        assert data == bytes([int(key.removeprefix("records/")) % 251]) * 200_000


def test_a_look_at_a_volume_that_is_not_there_makes_none(store: VolumeStore, name: str) -> None:
    assert store.list("records") == []
    assert store.read_many(["records/one.json"]) == store.read_folder("records") == {}
    there = subprocess.run(["docker", "volume", "ls", "-q"], capture_output=True, text=True)
    assert name not in there.stdout
