"""The edge against a real engine: traffic, probes, restarts."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from deployer_engine.client import Engine
from deployer_engine.edge import Edge, EdgeState, Slot
from tests.engine.conftest import App, get
from tests.engine.load import Load

pytestmark = pytest.mark.docker


def state_of(edge: Edge, *slots: Slot) -> EdgeState:
    now = edge.read()
    assert now is not None
    return replace(now, slots=slots)


def until(true: object, seconds: float = 6.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.1)


def test_nothing_routed_says_so(edge: Edge, port: int) -> None:
    assert get(port)[:2] == (503, "no release is serving\n")


def test_shifting_under_load_drops_nothing(
    edge: Edge, engine: Engine, app: App, port: int
) -> None:
    old, new = app("old"), app("new")
    edge.apply(state_of(edge, Slot("old", old, 8000, 100)))
    with Load(port, threads=8) as load:
        time.sleep(0.5)
        for share in (0, 10, 50, 100):
            slots = Slot("old", old, 8000, 100 - share), Slot("new", new, 8000, share)
            edge.apply(state_of(edge, *slots))
            time.sleep(0.4)
        until(lambda: edge.drained("old"))
        engine.sdk.containers.get(old).remove(force=True)
        edge.apply(state_of(edge, Slot("new", new, 8000, 100)))
        time.sleep(0.5)
    assert load.failures == []
    assert load.answers["old"] > 50
    assert load.answers["new"] > 50
    assert set(load.answers) == {"old", "new"}


def test_weights_are_kept_to_the_request(edge: Edge, app: App, port: int) -> None:
    slots = Slot("a", app("a"), 8000, 90), Slot("b", app("b"), 8000, 10)
    edge.apply(state_of(edge, *slots))
    counts = Counter(get(port)[1] for _ in range(200))
    assert abs(counts["a"] - 180) <= 2
    assert abs(counts["b"] - 20) <= 2


def test_a_restarted_edge_does_what_was_last_asked(
    edge: Edge, engine: Engine, app: App, port: int
) -> None:
    slots = Slot("a", app("a"), 8000, 0), Slot("b", app("b"), 8000, 100)
    state = state_of(edge, *slots)
    edge.apply(state)
    engine.sdk.containers.get(edge.name).restart(timeout=5)
    assert edge.ensure() == state
    assert {get(port)[1] for _ in range(20)} == {"b"}
    assert get(port, Deployer_Probe=f"{state.token.reveal()}/a")[1] == "a"


def test_an_interrupted_apply_is_finished_by_the_next_ensure(
    edge: Edge, engine: Engine, app: App, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deployer_engine import haproxy

    edge.apply(state_of(edge, Slot("a", app("a"), 8000, 100)))
    with monkeypatch.context() as patch:
        patch.setattr(haproxy, "commands", lambda *a: "show version")
        with pytest.raises(Exception, match="does not do what it was told"):
            edge.apply(state_of(edge, Slot("b", app("b"), 8000, 100)))
    assert get(port)[1] == "a"
    edge.ensure()
    assert get(port)[1] == "b"


def test_a_container_back_at_another_address_is_found(
    edge: Edge, engine: Engine, name: str, app: App, port: int
) -> None:
    edge.apply(state_of(edge, Slot("a", app("a"), 8000, 100)))
    container = engine.sdk.containers.get(f"{name}-a")
    before = address(engine, container.id)
    container.stop()
    app("squatter")  # takes the address that became free
    container.start()
    assert address(engine, container.id) != before
    until(lambda: {get(port)[1] for _ in range(5)} == {"a"})


def test_a_stopped_container_is_no_danger_to_the_others(
    edge: Edge, engine: Engine, name: str, app: App, port: int
) -> None:
    slots = Slot("a", app("a"), 8000, 50), Slot("b", app("b"), 8000, 50)
    edge.apply(state_of(edge, *slots))
    engine.sdk.containers.get(f"{name}-a").kill()
    assert {get(port)[:2] for _ in range(20)} == {(200, "b")}


def test_probes_reach_exactly_the_release_they_name(edge: Edge, app: App, port: int) -> None:
    slots = Slot("live", app("live"), 8000, 100), Slot("next", app("next"), 8000, 0)
    state = state_of(edge, *slots)
    edge.apply(state)
    token = state.token.reveal()
    for release in ("next", "live"):
        _, body, headers = get(port, Deployer_Probe=f"{token}/{release}")
        assert (body, headers["deployer-release"]) == (release, release)
    assert get(port, Deployer_Probe=f"{token}/gone")[:2] == (404, "no such release\n")


def test_only_the_token_learns_who_answers(edge: Edge, app: App, port: int) -> None:
    slots = Slot("live", app("live"), 8000, 100), Slot("next", app("next"), 8000, 0)
    state = state_of(edge, *slots)
    edge.apply(state)
    token = state.token.reveal()
    assert get(port, Deployer_Probe=token)[2]["deployer-release"] == "live"
    for wrong in (f"{token}x/next", f"{token[:-1]}/next", "/next", "next", ""):
        status, body, headers = get(port, Deployer_Probe=wrong)
        assert (status, body) == (200, "live"), wrong
        assert "deployer-release" not in headers
    assert "deployer-release" not in get(port)[2]


def test_the_application_sees_the_client_and_never_the_probe(
    edge: Edge, app: App, port: int
) -> None:
    state = state_of(edge, Slot("a", app("a"), 8000, 100))
    edge.apply(state)
    for token in (state.token.reveal(), "wrong"):
        seen, headers = get(port, "/cgi-bin/headers", Deployer_Probe=token)[1:]
        assert "HTTP_X_FORWARDED_FOR" in seen
        assert "HTTP_X_FORWARDED_PROTO=http" in seen
        assert "PROBE" not in seen
        assert headers.get("deployer-release") == ("a" if token != "wrong" else None)


def test_a_long_request_finishes_while_its_release_drains(edge: Edge, app: App, port: int) -> None:
    old, new = Slot("old", app("old"), 8000, 100), Slot("new", app("new"), 8000, 0)
    edge.apply(state_of(edge, old, new))
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(get, port, "/cgi-bin/slow?2")
        until(lambda: edge.activity()["old"].sessions == 1)
        edge.apply(state_of(edge, replace(old, drain=True), replace(new, weight=100)))
        assert not edge.drained("old")
        assert get(port)[1] == "new"
        until(lambda: edge.drained("old"))
        assert answer.result()[:2] == (200, "old")


def test_a_new_token_works_at_once(edge: Edge, app: App, port: int) -> None:
    edge.apply(state_of(edge, Slot("a", app("a"), 8000, 100)))
    before = edge.read()
    assert before is not None
    fresh = replace(before, token=EdgeState().token)
    edge.apply(fresh)
    assert "deployer-release" not in get(port, Deployer_Probe=before.token.reveal())[2]
    assert get(port, Deployer_Probe=fresh.token.reveal())[2]["deployer-release"] == "a"


def address(engine: Engine, container: str | None) -> str:
    attrs = engine.api.inspect_container(container)
    return next(iter(attrs["NetworkSettings"]["Networks"].values()))["IPAddress"]  # type: ignore[no-any-return]
