"""What git knows about a folder. Nothing is written, no hook or filter of the repository runs."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from deployer.errors import ConfigError
from deployer.secret import bystander

GIT_SECONDS = 60.0
_QUIET = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


@dataclass(frozen=True, slots=True)
class GitFacts:
    """A commit and the state of the work tree around it.

    `time` is the commit's, in seconds since 1970; `dirty_hash` is "" for a clean tree; `tag`,
    `branch` and `remote` are "" if there is none; `remote` carries no credentials.
    """

    commit: str
    time: int
    author: str
    dirty_hash: str
    tag: str
    branch: str
    remote: str

    @property
    def short(self) -> str:
        """The commit's first twelve digits."""
        return self.commit[:12]

    @property
    def dirty(self) -> bool:
        """True if the work tree differs from the commit, in tracked or new files."""
        return bool(self.dirty_hash)


def git_facts(folder: Path) -> GitFacts | None:
    """What git says about `folder`; None outside a repository, before the first commit, or
    without git. ConfigError if git refuses to look because of who owns the repository."""
    shown = _git(folder, "show", "-s", "--no-show-signature", "--format=%H%n%ct%n%an", "HEAD")
    if shown is None:
        return None
    commit, time, author = shown.rstrip("\n").split("\n", 2)
    return GitFacts(
        commit=commit,
        time=int(time),
        author=author,
        dirty_hash=_dirty_hash(folder),
        tag=_line(folder, "describe", "--tags", "--exact-match", "HEAD"),
        branch=_line(folder, "symbolic-ref", "--short", "-q", "HEAD"),
        remote=clean_url(_line(folder, "remote", "get-url", "origin")),
    )


def clean_url(url: str) -> str:
    """`url` without user and password, query and fragment; `git@host:path` as https."""
    scp = re.fullmatch(r"(?:[^@/:]+@)([^:/]+):(?!//)(.+)", url)
    if scp:
        return f"https://{scp[1]}/{scp[2]}"
    parts = urlsplit(url)
    if not parts.scheme or not parts.hostname:
        return ""  # a path on somebody's disk tells nobody anything
    host = parts.hostname + (f":{parts.port}" if parts.port else "")
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _dirty_hash(folder: Path) -> str:
    status = _git(folder, "status", "--porcelain", "-z", "--untracked-files=all") or ""
    if not status:
        return ""
    total = hashlib.sha256(status.encode("utf-8", "surrogateescape"))
    diff = _git(folder, "diff", "HEAD", "--binary", "--no-ext-diff", "--no-textconv") or ""
    total.update(diff.encode("utf-8", "surrogateescape"))
    for name in _untracked(folder):
        total.update(_content(folder / name))
    return total.hexdigest()


def _untracked(folder: Path) -> list[str]:
    names = _git(folder, "ls-files", "--others", "--exclude-standard", "-z") or ""
    return sorted(name for name in names.split("\0") if name)


def _content(file: Path) -> bytes:
    if file.is_symlink():
        return os.fsencode(file.readlink())
    try:
        with file.open("rb") as data:
            return hashlib.file_digest(data, "sha256").digest()
    except OSError:
        return b""  # gone or unreadable since; its name counts through the status


def _line(folder: Path, *words: str) -> str:
    return (_git(folder, *words) or "").strip()


def _git(folder: Path, *words: str) -> str | None:
    """git's output, or None if it fails; ConfigError if it distrusts the folder."""
    try:
        done = subprocess.run(
            ["git", *_SAFE, "-C", str(folder), *words],
            capture_output=True,
            timeout=GIT_SECONDS,
            env=_environment(os.environ),
            check=False,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    if b"dubious ownership" in done.stderr:
        raise ConfigError(
            "git does not trust this repository",
            where=str(folder),
            why="it belongs to another user (usual in CI containers)",
            fix=f"git config --global --add safe.directory {folder.resolve()}",
        )
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else None


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    """Without the GIT_ variables that a hook sets: they would point to another repository."""
    kept = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")
    ours = {k: v for k, v in bystander(given).items() if not k.startswith("GIT_") or k in kept}
    return ours | _QUIET
