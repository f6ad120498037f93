"""The field's known ways to be green without being live, tried on the real engine.

Numbers are those of the oracles that the design lists; every claim is read from Docker or the URL.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.support.ports import free_port
from tests.support.project import APPS, HEALTH
from tests.support.shop import Shop, eventually

pytestmark = [pytest.mark.docker, pytest.mark.slow]

PACE = {key: value for key, value in HEALTH.items() if key != "path"}
WELL = {**PACE, "start_period": "1s", "command": ["test", "!", "-e", "/tmp/sick"]}
NEVER = {**WELL, "command": ["test", "-e", "/tmp/never"]}


def test_oracle_03_a_candidate_that_the_engine_calls_unhealthy_gets_no_traffic(shop: Shop) -> None:
    shop.ship()
    report = shop.write("2", health=NEVER, verify="platform").ship(expect=3)
    assert report["outcome"] == "failed_nothing_changed"
    assert "health check" in report["problem"]["what"]
    assert "exit code 1" in report["problem"]["why"]
    assert shop.version() == "1"


def test_oracle_03_a_release_that_became_unhealthy_is_neither_healthy_nor_unchanged(
    shop: Shop,
) -> None:
    shop.write(health=WELL, verify="platform").ship()
    sick = shop.serving()
    assert sick.exec_run(["touch", "/tmp/sick"]).exit_code == 0
    eventually(lambda: shop.engine.api.inspect_container(sick.id)["State"]["Health"]["Status"]
               == "unhealthy")  # fmt: skip
    assert shop.status()["observed"]["revisions"][0]["state"] == "unhealthy"
    assert shop.ship()["outcome"] == "succeeded"
    assert shop.serving().id != sick.id
    assert shop.serving().attrs["State"]["Health"]["Status"] != "unhealthy"


def test_oracle_04_no_container_is_not_healthy(shop: Shop) -> None:
    shop.ship()
    first = shop.release()
    shop.serving().remove(force=True)
    with pytest.raises(HTTPError, match="503"):
        shop.get()
    assert not [r for r in shop.status()["observed"]["revisions"] if r["weight"]]
    assert "healthy" not in shop.run("status").out
    again = shop.ship()
    assert again["outcome"] == "succeeded"
    assert shop.version() == "1"
    assert shop.release() == again["release"] != first


def test_oracle_07_a_variable_that_was_removed_is_gone_from_the_container(shop: Shop) -> None:
    shop.write(env={"KEPT": "a", "DROPPED": "b"}).ship()
    assert shop.variables()["DROPPED"] == "b"
    shop.write(env={"KEPT": "a"}).ship()
    assert shop.variables()["KEPT"] == "a"
    assert "DROPPED" not in shop.variables()
    assert not [e for e in shop.serving().attrs["Config"]["Env"] if e.startswith("DROPPED")]


def test_oracle_09_two_rollbacks_go_back_twice_and_never_forward(shop: Shop) -> None:
    for version in ("1", "2", "3"):
        shop.write(version).ship()
    shop.rollback()
    assert shop.version() == "2"
    shop.rollback()
    assert shop.version() == "1"
    last = shop.rollback(expect=3)
    assert "no successful release before" in last["problem"]["what"]
    assert shop.version() == "1"


def test_oracle_13_rolling_back_to_a_release_nobody_knows_fails_and_moves_nothing(
    shop: Shop,
) -> None:
    known = shop.ship()["release"]
    before = shop.serving().id
    report = shop.rollback("r0000000000z", expect=3)
    assert "r0000000000z" in report["problem"]["what"]
    assert known in report["problem"]["why"]
    assert shop.serving().id == before


def test_oracle_14_services_shipped_side_by_side_run_their_own_images(
    shop: Shop, python_base: str
) -> None:
    ports = {"one": shop.port, "two": free_port()}
    shop.write(**_two_services(shop, python_base, ports))
    document = shop.run("ship", "--yes", "--json").json
    assert {t["scope"]["service"]: t["outcome"] for t in document["targets"]} == {
        "one": "succeeded",
        "two": "succeeded",
    }
    for service, port in ports.items():
        container = shop.engine.containers.get(
            json.loads(shop.get("/env?name=HOSTNAME", port))["HOSTNAME"]
        )
        assert shop.get("/", port) == f"hello {service}\n"
        assert container.labels["deployer.service"] == service
        assert (
            f"VERSION={service}"
            in shop.engine.images.get(container.image.id).attrs["Config"]["Env"]
        )


def _two_services(shop: Shop, base: str, ports: dict[str, int]) -> dict[str, Any]:
    for name in ("Dockerfile", "server.py", ".dockerignore"):
        (shop.folder / name).write_text((APPS / "hello" / name).read_text())
    services = {
        name: {
            "build": {"args": {"BASE": base, "VERSION": name}},
            "port": 8000,
            "health": HEALTH,
        }
        for name in ports
    }
    published = {name: {"publish": port} for name, port in ports.items()}
    target = {"provider": "docker", "services": published}
    single = {"service": None, "image": None, "port": None, "health": None}
    return {**single, "services": services, "targets": {"local": target}}
