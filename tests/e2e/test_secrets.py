"""Secrets on the real engine: where they are, where they must never be, and when they changed."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Result
from tests.support.project import APPS
from tests.support.shop import Shop, eventually

pytestmark = [pytest.mark.docker, pytest.mark.slow]

PLAIN = "canary-plain-7f3a9c"
LINES = "-----BEGIN CANARY-----\ncanary-line-51ab\ncanary-line-99cd\n-----END CANARY-----"
ODD = 'canary "quoted" \\ and\ttabbed-40e1'
BUILD = "canary-build-c2d7e8"
VALUES = {"PLAIN": PLAIN, "LINES": LINES, "ODD": ODD}
NEEDLES = {
    "plain": PLAIN,
    "first line": "canary-line-51ab",
    "last line": "canary-line-99cd",
    "odd": ODD,
    "odd in JSON": json.dumps(ODD)[1:-1],
    "tail of odd": "tabbed-40e1",
    "build": BUILD,
    **{
        f"{name} in base64": base64.b64encode(value.encode()).decode()
        for name, value in {**VALUES, "BUILD": BUILD}.items()
    },
}
TELL = (
    "for f in PLAIN LINES ODD; do cat /run/secrets/$f; base64 -w0 /run/secrets/$f; echo; done >&2"
)


@contextmanager
def watched(own: int) -> Iterator[list[str]]:
    """What /proc shows meanwhile of processes below us: arguments of all of them, environments of
    all but deployer itself, which was started with these variables."""
    seen: set[str] = set()
    stop = threading.Event()

    def sample() -> None:
        while not stop.is_set():
            for folder in Path("/proc").glob("[0-9]*"):
                seen.update(shown(folder, own))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    found: list[str] = []
    try:
        yield found
    finally:
        stop.set()
        thread.join()
        found += sorted(seen)


def shown(folder: Path, own: int) -> Iterator[str]:
    try:
        arguments = (folder / "cmdline").read_text(errors="replace")
        yield arguments
        if int(folder.name) != own and "deployer.cli.main" not in arguments:
            yield (folder / "environ").read_text(errors="replace")
    except OSError:
        return  # it ended


def found_in(text: str, but: tuple[str, ...] = ()) -> list[str]:
    """Which canaries occur in `text`."""
    return [name for name, needle in NEEDLES.items() if needle in text and name not in but]


@pytest.fixture
def secretive(shop: Shop, python_base: str) -> Shop:
    """A shop that is built with one secret and runs with three."""
    for name in ("server.py", ".dockerignore"):
        (shop.folder / name).write_text((APPS / "hello" / name).read_text())
    check = 'RUN --mount=type=secret,id=token test "$(cat /run/secrets/token)" = ' + (
        '"$(printf canary-build-; echo c2d7e8)"\n'
    )
    dockerfile = (APPS / "hello" / "Dockerfile").read_text()
    (shop.folder / "Dockerfile").write_text(dockerfile.replace("COPY", check + "COPY", 1))
    shop.environ |= {**VALUES, "TOKEN": BUILD}
    build = {"args": {"BASE": python_base}, "secrets": {"token": "env:TOKEN"}}
    return describe(shop, build)


def describe(shop: Shop, build: dict[str, Any], **changes: Any) -> Shop:
    secrets = {"PLAIN": "env:PLAIN", "LINES": "LINES", "ODD": "env:ODD"}
    return shop.write(image=None, build=build, secrets=secrets, **changes)


def test_oracle_11_secret_values_occur_nowhere(secretive: Shop) -> None:
    shop = secretive
    with watched(os.getpid()) as processes:
        outputs = [shop.run("ship", "--yes"), shop.run("plan", "--json"), shop.run("check")]
        outputs.append(shop.run("ship", "--yes", "--force", "--events", "ndjson"))
    assert json.loads(shop.get("/env?name=PLAIN_FILE"))["PLAIN_FILE"] == "/run/secrets/PLAIN"
    assert read(shop, "LINES") == LINES
    outputs += failing(shop)
    outputs += [shop.run(*words) for words in (("status",), ("releases", "--json"), ("logs",))]
    for output in outputs:
        assert not found_in(output.out + output.err)
    assert not found_in("\n".join(processes))
    assert not found_in(engine_knows(shop))
    assert not found_in(records(shop))


def failing(shop: Shop) -> list[Result]:
    """Ships an application that prints its secrets and ends."""
    text = json.loads((shop.folder / "deployer.yaml").read_text())
    text |= {"command": ["sh", "-c", f"{TELL}; exit 3"]}
    (shop.folder / "deployer.yaml").write_text(json.dumps(text))
    return [
        shop.run("ship", "--yes", "--debug", expect=3),
        shop.run("ship", "--yes", "--json", "--debug", expect=3),
        shop.run("ship", "--yes", "--events", "ndjson", expect=3),
    ]


def read(shop: Shop, name: str) -> str:
    """A secret's file, as the application reads it."""
    return str(shop.serving().exec_run(["cat", f"/run/secrets/{name}"]).output.decode())


def engine_knows(shop: Shop) -> str:
    """What `docker inspect` and `docker history` say of everything that belongs to the shop."""
    client, label = shop.engine, {"label": f"deployer.app={shop.app}"}
    containers = client.containers.list(all=True, filters=label)
    images = {container.attrs["Image"] for container in containers}
    told = [container.attrs for container in containers]
    told += [client.api.inspect_image(image) for image in images]
    told += [client.api.history(image) for image in images]
    told += [volume.attrs for volume in client.volumes.list(filters={"name": shop.app})]
    text = json.dumps(told)
    return text + text.encode().decode("unicode_escape")  # as text, and as values


def records(shop: Shop) -> str:
    """Every byte of the volume that keeps the records."""
    (edge,) = shop.containers("edge")
    done = edge.exec_run(["sh", "-c", "cd /store && find . -type f -exec cat {} +"])
    assert "intent" in done.output.decode()
    return str(done.output.decode())


def test_a_secret_that_is_no_file_is_a_variable_and_only_on_request(shop: Shop) -> None:
    shop.environ |= {"PLAIN": PLAIN}
    shop.write(target={"secrets_as": "env"}, secrets={"PLAIN": "env:PLAIN"}).ship()
    assert shop.variables()["PLAIN"] == PLAIN
    assert "PLAIN_FILE" not in shop.variables()
    assert not [m for m in shop.serving().attrs["Mounts"] if m["Destination"] == "/run/secrets"]


def test_a_rotated_secret_is_a_change_and_the_same_value_is_none(shop: Shop) -> None:
    shop.environ |= {"PLAIN": PLAIN}
    first = shop.write(secrets={"PLAIN": "env:PLAIN"}).ship()
    assert shop.ship()["outcome"] == "unchanged"
    assert shop.release() == first["release"]
    shop.environ |= {"PLAIN": "canary-rotated-18b0"}
    rotated = shop.ship()
    assert rotated["outcome"] == "succeeded"
    assert read(shop, "PLAIN") == "canary-rotated-18b0"
    assert shop.release() == rotated["release"] != first["release"]


def test_secrets_survive_a_restart_of_the_container(shop: Shop) -> None:
    shop.environ |= {"PLAIN": PLAIN}
    shop.write(secrets={"PLAIN": "env:PLAIN"}).ship()
    shop.serving().restart(timeout=1)
    eventually(shop.version)
    assert read(shop, "PLAIN") == PLAIN
    status, text = shop.serving().exec_run(["cat", "/run/secrets/PLAIN"], user="65534")
    assert (status, text.decode()) == (0, PLAIN)
