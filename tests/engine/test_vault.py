"""Secrets in memory: readable where they belong, visible nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from deployer.errors import ConfigError, Conflict, PreflightError
from deployer.secret import Secret
from deployer_engine.client import Engine
from deployer_engine.vault import Vault
from tests.engine.conftest import LABELS

pytestmark = pytest.mark.docker
VALUE = "s3cr3t-väluë-1\nsecond line"


@pytest.fixture
def vault(engine: Engine, name: str, edge_image: str) -> Iterator[Vault]:
    made = Vault(engine, name, image=edge_image, labels=LABELS)
    yield made
    made.remove("r1")


def in_app(engine: Engine, vault: Vault, image: str, command: str) -> str:
    """What a command prints as an ordinary user of a new application container."""
    app = engine.sdk.containers.run(
        image,
        ["sleep", "60"],
        volumes=[vault.mount("r1")],
        user="1234:1234",
        labels=LABELS,
        init=True,
        detach=True,
    )
    try:
        done = engine.run(str(app.id), ["sh", "-c", command], user="1234:1234")
        return done.stdout.decode()
    finally:
        app.remove(force=True)


def test_the_application_reads_its_files_and_cannot_change_them(
    vault: Vault, engine: Engine, edge_image: str
) -> None:
    vault.put("r1", {"DATABASE_URL": Secret(VALUE), "EMPTY": Secret("")})
    assert in_app(engine, vault, edge_image, "cat /run/secrets/DATABASE_URL") == VALUE
    refused = in_app(engine, vault, edge_image, "(echo x >/run/secrets/DATABASE_URL) 2>&1")
    assert "Read-only file system" in refused
    assert vault.names("r1") == ["DATABASE_URL", "EMPTY"]


def test_no_value_is_visible_from_outside(
    vault: Vault, engine: Engine, name: str, edge_image: str
) -> None:
    vault.put("r1", {"TOKEN": Secret(VALUE)})
    container = engine.sdk.containers.get(f"{name}-vault-r1")
    seen = json.dumps(container.attrs, ensure_ascii=False) + json.dumps(
        engine.sdk.volumes.get(f"{name}-secrets-r1").attrs
    )
    assert "s3cr3t" not in seen
    assert "s3cr3t" not in str(container.top())
    assert "TOKEN" not in str(container.diff())  # nothing in the container's own layer
    kind = engine.run(f"{name}-vault-r1", ["stat", "-f", "-c", "%T", "/secrets"])
    assert kind.stdout.strip() == b"tmpfs"


def test_the_keeper_keeps_the_files_over_restarts_of_the_application(
    vault: Vault, engine: Engine, edge_image: str
) -> None:
    vault.put("r1", {"A": Secret("one-value")})
    for _ in range(2):
        assert in_app(engine, vault, edge_image, "cat /run/secrets/A") == "one-value"
    assert vault.intact("r1")


def test_putting_again_replaces_all(vault: Vault) -> None:
    vault.put("r1", {"A": Secret("one-value"), "B": Secret("two-value")})
    vault.put("r1", {"B": Secret("new-value"), "C": Secret("three-value")})
    assert vault.names("r1") == ["B", "C"]
    vault.put("r1", {})
    assert vault.intact("r1")
    assert vault.names("r1") == []


def test_a_reboot_is_noticed(vault: Vault, engine: Engine, name: str) -> None:
    assert not vault.intact("r1")
    vault.put("r1", {"A": Secret("one-value")})
    keeper = engine.sdk.containers.get(f"{name}-vault-r1")
    keeper.stop(timeout=1)  # the last mount goes, and the memory with it, as in a reboot
    assert not vault.intact("r1")
    keeper.start()
    assert not vault.intact("r1")
    assert vault.names("r1") == []
    vault.put("r1", {"A": Secret("one-value")})
    assert vault.intact("r1")


def test_what_is_in_use_is_not_removed(
    vault: Vault, engine: Engine, name: str, edge_image: str
) -> None:
    vault.put("r1", {"A": Secret("one-value")})
    app = engine.sdk.containers.create(
        edge_image, name=f"{name}-app", volumes=[vault.mount("r1")], labels=LABELS
    )
    with pytest.raises(Conflict):
        vault.remove("r1")
    app.remove()
    vault.remove("r1")
    vault.remove("r1")
    assert not vault.intact("r1")


def test_bad_names_and_too_much_are_refused(vault: Vault) -> None:
    for name in ("../x", "a/b", "", ".hidden", "a b"):
        with pytest.raises(ConfigError):
            vault.put("r1", {name: Secret("one-value")})
    with pytest.raises(PreflightError, match="could not be written"):
        vault.put("r1", {"BIG": Secret("x" * 2_000_000)})
    assert not vault.intact("r1")
