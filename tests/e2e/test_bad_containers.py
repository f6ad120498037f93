"""Versions that do not come up: each is explained, and version 1 serves on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.support.session import Session
from tests.support.standing import QUICK, Standing, stand

pytestmark = pytest.mark.docker
STUCK = {**QUICK, "command": ["sh", "-c", "echo queue is stuck; exit 1"]}
del STUCK["path"]
DATABASE = "import sys; sys.exit('could not connect to server: db.internal:5432')"
REDIRECTS = """
from http.server import BaseHTTPRequestHandler as Base, HTTPServer
class Handler(Base):
    def do_GET(self):
        self.send_response(302)
        self.send_header("Location", "/login")
        self.end_headers()
HTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def standing(
    tmp_path_factory: pytest.TempPathFactory,
    labelled: Session,
    engine: docker.DockerClient,
    python_base: str,
    edge_image: str,
) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("bad")
    with stand(folder, labelled, engine, python_base, edge_image) as found:
        yield found


def python(program: str) -> list[str]:
    return ["python3", "-c", program]


ENDS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "at once with status 1": (
        {"env": {"CRASH": "1"}},
        ("ended with exit code 1", "crashing as told"),
    ),
    "at once with status 0": (
        {"env": {"CRASH": "0"}},
        ("ended by itself, without an error", "in the foreground"),
    ),
    "for want of a variable": (
        {"env": {"REQUIRE": "DATABASE_URL"}},
        ("a variable is missing", "DATABASE_URL is not set", "`env:` or `secrets:`"),
    ),
    "for want of its database": (
        {"command": python(DATABASE)},
        ("could not reach something it needs", "db.internal:5432"),
    ),
    "for want of memory": (
        {"command": python("x = 'a' * 300_000_000"), "resources": {"memory": "16Mi"}},
        ("ran out of memory", "`resources.memory`"),
    ),
    "by a signal": (
        {"command": python("import os; os.kill(os.getpid(), 15)")},
        ("ended by signal 15",),
    ),
    "as its command is not there": (
        {"command": ["gunicornn", "app"]},
        ("does not exist in the image", "gunicornn", "`command:`"),
    ),
    "as its command has no run bit": (
        {"command": ["/srv/server.py"]},
        ("is not executable", "/srv/server.py", "chmod +x"),
    ),
}


@pytest.mark.parametrize("case", ENDS)
def test_a_container_that_ends(standing: Standing, case: str) -> None:
    changes, words = ENDS[case]
    standing.tidy()
    standing.project.write("2", **{"health": QUICK, **changes})
    failure = standing.fails(3, "ship").says(*words)
    assert failure.document["outcome"] == "failed_nothing_changed"
    assert failure.error["code"] == "rollout"
    assert f"is serving ({failure.document['targets'][0]['serving_digest'][7:19]})" in (
        failure.block
    )


UNWELL: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "answers 500": (
        {"env": {"HEALTH_STATUS": "500"}},
        ("answers with an error", "GET /health answered 500"),
    ),
    "answers 404": (
        {"health": {**QUICK, "path": "/healthz"}},
        ("the health path /healthz does not exist", "health.path"),
    ),
    "asks for a login": (
        {"env": {"HEALTH_STATUS": "401"}},
        ("asks for a login", "answered 401", "verify: platform"),
    ),
    "hangs": (
        {"env": {"DELAY_MS": "8000"}},
        ("does not answer in time", "no answer within 1", "health.timeout"),
    ),
    "starts too late": (
        {"env": {"START_DELAY": "60"}},
        ("does not answer in time", "health.start_period"),
    ),
    "listens on loopback": (
        {"env": {"BIND": "127.0.0.1"}},
        ("listens on 127.0.0.1 only", "0.0.0.0:8000"),
    ),
    "listens on another port": (
        {"env": {"PORT": "9000"}},
        ("listens on another port", "`port:` is 8000", "0.0.0.0:9000"),
    ),
    "keeps failing its own check": (
        {"health": STUCK},
        ("health check in the container keeps failing", "queue is stuck"),
    ),
}


@pytest.mark.parametrize("case", UNWELL)
def test_a_container_that_runs_and_is_not_well(standing: Standing, case: str) -> None:
    changes, words = UNWELL[case]
    standing.tidy()
    standing.project.write("2", **{"health": QUICK, **changes})
    failure = standing.fails(3, "ship").says(*words)
    assert failure.document["outcome"] == "failed_nothing_changed"


def test_a_container_that_ends_while_it_is_watched_is_rolled_back(standing: Standing) -> None:
    standing.tidy()
    standing.project.write("2", {"CRASH_AFTER": "5"}, health=QUICK, rollout={"bake": "9s"})
    failure = standing.fails(5, "ship").says("does not stay up", "is serving")
    assert failure.document["outcome"] == "failed_rolled_back"


def test_an_image_for_another_architecture(standing: Standing) -> None:
    standing.tidy()
    (standing.project.folder / "Dockerfile").write_text(
        'FROM scratch\nCOPY --chmod=755 server.py /app\nENTRYPOINT ["/app"]\n'
    )
    (standing.project.folder / "server.py").write_bytes(arm64_program())
    standing.project.write("2", health=QUICK, build={"platform": "linux/arm64"})
    standing.fails(3, "ship").says(
        "another processor architecture", "for arm64, the engine for", "build.platform"
    )


def test_a_health_path_that_redirects_is_an_answer_of_the_application(
    standing: Standing, tmp_path: Path
) -> None:
    standing.tidy()
    standing.project.write("2", health=QUICK, command=python(REDIRECTS))
    done = standing.run("ship", "--json")
    assert done.code == 0, done.err
    standing.run("rollback")
    assert standing.answer() == "hello 1\n"


def arm64_program() -> bytes:
    """The head of an ELF file for AArch64 (machine 183), and enough of nothing behind it."""
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    kind, machine = (2).to_bytes(2, "little"), (183).to_bytes(2, "little")
    return head + kind + machine + (1).to_bytes(4, "little") + bytes(512)
