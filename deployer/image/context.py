"""The build context as the builder will see it, and its hash.

Nothing is followed out of the context: a link counts as its target's text.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deployer.errors import BuildError, ConfigError
from deployer.image.ignore import Ignore, load_ignore

_FORMAT = "1"  # of the hash; another number makes every input new


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in the context. `mode` has type and permissions, `link` a link's target."""

    path: str
    mode: int
    size: int
    link: str = ""

    @property
    def is_file(self) -> bool:
        """True for a regular file."""
        return stat.S_ISREG(self.mode)


@dataclass(frozen=True, slots=True)
class Context:
    """A folder as filtered by its ignore file, sorted by path, and the Dockerfile."""

    root: Path
    dockerfile: Path
    ignore: Ignore
    entries: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """Bytes in all files together."""
        return sum(entry.size for entry in self.entries)


def read_context(root: Path, dockerfile: Path | None = None) -> Context:
    """What `root` sends to the builder. `dockerfile` is relative to `root` (default `Dockerfile`).

    ConfigError if either is missing; BuildError for what no builder can send (sockets, pipes).
    """
    if not root.is_dir():
        raise ConfigError(
            "the build context does not exist",
            where=str(root),
            why="it is not a folder",
            fix="correct build.context in deployer.yaml",
        )
    file = root / (dockerfile or "Dockerfile")
    if not file.is_file():
        raise ConfigError(
            "there is no Dockerfile",
            where=str(file),
            why="no such file",
            fix="correct build.dockerfile in deployer.yaml, or write one",
        )
    ignore = load_ignore(root, file)
    return Context(root, file, ignore, tuple(sorted(_walk(root, "", ignore), key=_path)))


def tree_hash(context: Context) -> str:
    """64 hex digits over paths, permissions, link targets and contents: the version of a context.

    The Dockerfile counts as well, also where it is ignored or lies outside.
    """
    total = hashlib.sha256()
    files = [entry for entry in context.entries if entry.is_file]
    with ThreadPoolExecutor() as pool:  # hashing releases the interpreter's lock
        contents = pool.map(lambda entry: _content(context.root / entry.path), files)
        hashes = dict(zip((entry.path for entry in files), contents, strict=True))
    for entry in context.entries:
        facts = (entry.path, oct(entry.mode), entry.link, hashes.get(entry.path, ""))
        total.update(json.dumps(facts).encode())
    total.update(_content(context.dockerfile).encode())
    return total.hexdigest()


def input_hash(
    context: Context,
    *,
    args: Mapping[str, str],
    target: str | None,
    platform: str | None,
    options: Mapping[str, str] | None = None,
) -> str:
    """64 hex digits over everything that decides what a build gives; not the commit, no labels.

    Finding an image under it means that the build can be skipped, provided that
    `floating_bases` of the Dockerfile is empty. `options` are further facts, such as the ids of
    build secrets.
    """
    facts = {
        "format": _FORMAT,
        "tree": tree_hash(context),
        "args": dict(args),
        "target": target,
        "platform": platform,
        "options": dict(options or {}),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _path(entry: Entry) -> str:
    return entry.path


def _walk(root: Path, folder: str, ignore: Ignore) -> Iterator[Entry]:
    with os.scandir(root / folder) as found:
        for item in found:
            path = f"{folder}/{item.name}" if folder else item.name
            excluded = ignore.excludes(path)
            is_folder = item.is_dir(follow_symlinks=False)
            if not excluded:
                yield _entry(item, path, root)
            if is_folder and not (excluded and ignore.prunes(path)):
                yield from _walk(root, path, ignore)


def _entry(item: os.DirEntry[str], path: str, root: Path) -> Entry:
    facts = item.stat(follow_symlinks=False)
    mode = facts.st_mode
    if stat.S_ISLNK(mode):
        # a link's own permissions differ between systems and reach no image
        return Entry(path, stat.S_IFLNK | 0o777, 0, str((root / path).readlink()))
    if stat.S_ISREG(mode):
        return Entry(path, mode, facts.st_size)
    if stat.S_ISDIR(mode):
        return Entry(path, mode, 0)
    kind = "socket" if stat.S_ISSOCK(mode) else "pipe" if stat.S_ISFIFO(mode) else "device"
    raise BuildError(
        f"there is a {kind} in the build context",
        where=str(root / path),
        why="an image cannot hold it, and reading it could wait for ever",
        fix=f"add `{path}` to .dockerignore, or remove it",
    )


def _content(file: Path) -> str:
    try:
        with file.open("rb") as data:
            return hashlib.file_digest(data, "sha256").hexdigest()
    except OSError as error:
        raise BuildError(
            "a file of the build context cannot be read",
            where=str(file),
            why=error.strerror or str(error),
            fix="make it readable, or add it to .dockerignore",
        ) from error
