"""Where records and the lease are kept: a store whose only promise is create-once.

A folder, a volume of an engine and a bucket can all keep it, and everything else follows from
it: records are never overwritten, and a lease is a chain of generations.
"""

from __future__ import annotations

import errno
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from deployer.errors import ConfigError, PreflightError, Transient
from deployer.model import Scope

LASTING = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EOPNOTSUPP}
)
"""What waiting does not heal: EOPNOTSUPP and EPERM also come from disks without hard links."""


class Store(Protocol):
    """Objects by key, as `records/0m2x-intent.json`."""

    def create(self, key: str, data: bytes) -> bool:
        """Store `data` whole, or return False if `key` exists. Never half of it, never over it.

        Raises Transient if it cannot be said which; the caller reads back.
        """
        ...

    def read_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The contents of those `keys` that exist."""
        ...

    def read_folder(self, prefix: str) -> dict[str, bytes]:
        """All keys below the folder `prefix` with their contents, in one round trip."""
        ...

    def list(self, prefix: str) -> list[str]:
        """Keys below the folder `prefix`, sorted."""
        ...

    def delete(self, key: str) -> None:
        """Delete `key`; one that is gone is fine."""
        ...

    def now(self) -> float:
        """The store's clock, in seconds since 1970: one clock for all who share the store."""
        ...


class FolderStore:
    """A store in a folder (`state: file://…`). Atomic by hard links, durable by fsync."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def create(self, key: str, data: bytes) -> bool:
        """See Store."""
        path = self._root / key
        draft = path.parent / f".{path.name}.{secrets.token_hex(6)}"
        with self._translated():
            if not path.parent.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                _write(draft, data)
                os.link(draft, path)
            except FileExistsError:
                return False
            finally:
                draft.unlink(missing_ok=True)
            _sync_folder(path.parent)
        return True

    def read_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """See Store."""
        found = {}
        with self._translated():
            for key in keys:
                with suppress(FileNotFoundError):
                    found[key] = (self._root / key).read_bytes()
        return found

    def read_folder(self, prefix: str) -> dict[str, bytes]:
        """See Store."""
        return self.read_many(self.list(prefix))

    def list(self, prefix: str) -> list[str]:
        """See Store."""
        below = self._root / prefix
        files = (p for p in below.rglob("*") if p.is_file() and not p.name.startswith("."))
        return sorted(p.relative_to(self._root).as_posix() for p in files)

    def delete(self, key: str) -> None:
        """See Store."""
        with self._translated():
            (self._root / key).unlink(missing_ok=True)

    def now(self) -> float:
        """See Store."""
        return time.time()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """A disk that is full may have room again; a folder that is not ours stays so."""
        try:
            yield
        except OSError as error:
            kind = PreflightError if error.errno in LASTING else Transient
            raise kind(
                "the state folder cannot be used",
                where=str(self._root),
                why=error.strerror or str(error),
                fix="check that the folder is writable and its disk not full, then run again",
            ) from error


class MemoryStore:
    """A store in memory, for tests and rehearsals. Behaves; does not mock."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._guard = threading.Lock()

    def create(self, key: str, data: bytes) -> bool:
        """See Store."""
        with self._guard:
            if key in self._objects:
                return False
            self._objects[key] = data
            return True

    def read_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """See Store."""
        return {key: self._objects[key] for key in keys if key in self._objects}

    def read_folder(self, prefix: str) -> dict[str, bytes]:
        """See Store."""
        return self.read_many(self.list(prefix))

    def list(self, prefix: str) -> list[str]:
        """See Store."""
        return sorted(key for key in list(self._objects) if key.startswith(f"{prefix}/"))

    def delete(self, key: str) -> None:
        """See Store."""
        self._objects.pop(key, None)

    def now(self) -> float:
        """See Store."""
        return time.time()


def open_store(url: str, scope: Scope) -> FolderStore:
    """The part of the store at `url` that is for `scope`. Raises ConfigError for other kinds."""
    kind, _, path = url.partition("://")
    if kind != "file" or not path:
        raise ConfigError(
            f"`state: {url}` is not a kind of store that is ready",
            fix="use state: file:///var/lib/deployer, or leave it out",
        )
    names = (scope.app, scope.environment, scope.target, scope.service)
    return FolderStore(Path(path).expanduser().joinpath("v1", *names))


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(handle)


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
