"""The edge's container over its life: adopted, replaced, refused, removed."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from deployer.errors import Conflict, PreflightError
from deployer_engine.client import Engine, Missing, PortTaken
from deployer_engine.edge import Edge, EdgeSpec, EdgeState, Slot
from tests.engine.conftest import LABELS, App, get

pytestmark = pytest.mark.docker


@pytest.fixture
def spec(name: str, edge_image: str, port: int) -> EdgeSpec:
    return EdgeSpec(f"{name}-edge", f"{name}-net", port, image=edge_image, labels=LABELS)


def identity(engine: Engine, spec: EdgeSpec) -> str:
    return str(engine.api.inspect_container(spec.name)["Id"])


@contextmanager
def listening() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_an_edge_that_fits_is_left_alone(edge: Edge, engine: Engine, spec: EdgeSpec) -> None:
    before = identity(engine, spec)
    edge.ensure()
    assert identity(engine, spec) == before
    assert edge.published() == ("127.0.0.1", spec.port)


def test_another_port_means_another_container_with_the_same_state(
    edge: Edge, engine: Engine, spec: EdgeSpec, app: App
) -> None:
    state = replace(edge.ensure(), slots=(Slot("a", app("a"), 8000, 100),))
    edge.apply(state)
    before = identity(engine, spec)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    assert Edge(engine, replace(spec, port=port)).ensure() == state
    assert identity(engine, spec) != before
    assert get(port)[1] == "a"


def test_a_replacement_that_was_cut_short_is_finished(
    edge: Edge, engine: Engine, spec: EdgeSpec, app: App
) -> None:
    state = replace(edge.ensure(), slots=(Slot("a", app("a"), 8000, 100),))
    edge.apply(state)
    container = engine.sdk.containers.get(spec.name)
    container.stop()
    container.rename(f"{spec.name}-next")
    assert edge.ensure() == state
    assert get(spec.port)[1] == "a"


def test_a_taken_port_is_named_and_the_old_edge_goes_on(
    edge: Edge, engine: Engine, spec: EdgeSpec
) -> None:
    with listening() as taken, pytest.raises(PortTaken, match=f"port {taken} on 127.0.0.1"):
        Edge(engine, replace(spec, port=taken)).ensure()
    assert get(spec.port)[0] == 503
    other = replace(spec, name=f"{spec.name}2")
    with pytest.raises(PortTaken, match=f"by container {spec.name}"):
        Edge(engine, other).ensure()
    assert Edge(engine, other).read() is None


def test_a_foreign_container_is_not_touched(engine: Engine, spec: EdgeSpec) -> None:
    foreign = engine.sdk.containers.create(spec.image, name=spec.name, labels=LABELS)
    with pytest.raises(Conflict, match="not deployer's"):
        Edge(engine, spec).ensure()
    Edge(engine, spec).remove()
    foreign.reload()


def test_an_image_that_nobody_has_is_refused(engine: Engine, spec: EdgeSpec) -> None:
    with pytest.raises(PreflightError, match="cannot be pulled"):
        Edge(engine, replace(spec, image="127.0.0.1:9/none:1")).ensure()


def test_removing_leaves_nothing_and_can_be_repeated(
    edge: Edge, engine: Engine, spec: EdgeSpec
) -> None:
    for _ in range(2):
        edge.remove()
    assert edge.read() is None
    assert not engine.sdk.networks.list(names=[spec.network])
    with pytest.raises(Missing):
        edge.apply(EdgeState())


def test_a_slot_whose_container_does_not_run_is_refused(edge: Edge, port: int) -> None:
    state = replace(edge.ensure(), slots=(Slot("a", "nobody-there", 8000, 100),))
    with pytest.raises(PreflightError, match="does not run in network"):
        edge.apply(state)
    assert edge.ensure().slots == ()


def test_a_released_slot_is_switched_off_and_all_eight_can_be_used(
    edge: Edge, app: App, port: int
) -> None:
    host = app("a")
    eight = tuple(Slot(f"r{i}", host, 8000, 1) for i in range(8))
    state = replace(edge.ensure(), slots=eight)
    edge.apply(state)
    token = state.token.reveal()
    assert {get(port, Deployer_Probe=token)[2]["deployer-release"] for _ in range(8)} == {
        slot.release for slot in eight
    }
    edge.apply(replace(state, slots=eight[3:4]))
    assert get(port, Deployer_Probe=token)[2]["deployer-release"] == "r3"
    assert get(port, Deployer_Probe=f"{token}/r2")[0] == 404
    edge.apply(replace(state, slots=()))
    assert get(port)[0] == 503


def test_large_headers_and_bodies_pass(edge: Edge, app: App, port: int) -> None:
    edge.apply(replace(edge.ensure(), slots=(Slot("a", app("a"), 8000, 100),)))
    assert get(port, "/cgi-bin/headers", Cookie="c" * 6000)[0] == 200
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/cgi-bin/count", body=b"x" * 5_000_000)
    assert connection.getresponse().read() == b"5000000"
    connection.close()


def test_an_upgraded_connection_is_a_tunnel(edge: Edge, app: App, port: int) -> None:
    edge.apply(replace(edge.ensure(), slots=(Slot("a", app("a"), 8001, 100),)))
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(
            b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert client.recv(4096).startswith(b"HTTP/1.1 101")
        client.sendall(b"ping\n")
        assert client.recv(4096) == b"echo ping\n"
        assert not edge.drained("a")
