"""Run with: pip install -r requirements.txt pytest && python -m pytest"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import VERSION, create_app
from app.store import MEMORY, Store, connect


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    store = connect(MEMORY)
    yield create_app(store).test_client()
    store.close()


def test_health_names_the_version(client: FlaskClient) -> None:
    answer = client.get("/api/health")
    assert answer.status_code == 200
    assert answer.json == {"status": "ok", "version": VERSION, "environment": "development"}


def test_a_task_lives(client: FlaskClient) -> None:
    created = client.post("/api/tasks", json={"title": "write tests"})
    assert (created.status_code, created.json) == (
        201,
        {"id": 1, "title": "write tests", "done": False},
    )
    assert client.patch("/api/tasks/1", json={"done": True}).json["done"] is True
    assert client.get("/api/tasks").json == [{"id": 1, "title": "write tests", "done": True}]
    assert client.delete("/api/tasks/1").status_code == 204
    assert client.get("/api/tasks/1").status_code == 404


@pytest.mark.parametrize("body", [None, {}, {"title": " "}, {"title": 1}, []])
def test_a_task_needs_a_title(client: FlaskClient, body: object) -> None:
    assert client.post("/api/tasks", json=body).status_code == 400


def test_migrations_apply_once(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "tasks.db"))
    assert store.migrate() == 2
    assert store.migrate() == 0
    store.close()
