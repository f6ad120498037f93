"""Tasks in SQLite: in memory by default, in a file for `DATABASE_URL=sqlite:////data/tasks.db`."""

import sqlite3
from collections.abc import Sequence
from threading import Lock
from typing import Any

MEMORY = "sqlite:///:memory:"
MIGRATIONS = (
    "CREATE TABLE task (id INTEGER PRIMARY KEY, title TEXT NOT NULL, done INTEGER DEFAULT 0)",
    "CREATE INDEX task_done ON task (done)",
)


class Store:
    """All access to the tasks; one connection, one caller at a time."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._lock = Lock()

    def close(self) -> None:
        self._connection.close()

    def migrate(self) -> int:
        """Applies what is missing; the number of applied migrations."""
        applied = self._run("PRAGMA user_version")[0][0]
        for number, statement in enumerate(MIGRATIONS[applied:], start=applied + 1):
            self._run(statement)
            self._run(f"PRAGMA user_version = {number}")
        return len(MIGRATIONS) - int(applied)

    def all(self) -> list[dict[str, Any]]:
        return [_task(row) for row in self._run("SELECT * FROM task ORDER BY id")]

    def get(self, number: int) -> dict[str, Any] | None:
        rows = self._run("SELECT * FROM task WHERE id = ?", number)
        return _task(rows[0]) if rows else None

    def add(self, title: str) -> dict[str, Any]:
        return _task(self._run("INSERT INTO task (title) VALUES (?) RETURNING *", title)[0])

    def update(self, number: int, title: str, done: bool) -> dict[str, Any] | None:
        change = "UPDATE task SET title = ?, done = ? WHERE id = ? RETURNING *"
        rows = self._run(change, title, done, number)
        return _task(rows[0]) if rows else None

    def remove(self, number: int) -> bool:
        return bool(self._run("DELETE FROM task WHERE id = ? RETURNING id", number))

    def _run(self, statement: str, *values: object) -> Sequence[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()


def connect(url: str | None) -> Store:
    """The store that `url` names. One in memory is made ready; a file must have been migrated."""
    store = Store((url or MEMORY).removeprefix("sqlite:///"))
    if (url or MEMORY) == MEMORY:
        store.migrate()
    return store


def _task(row: sqlite3.Row) -> dict[str, Any]:
    return {"id": row["id"], "title": row["title"], "done": bool(row["done"])}
