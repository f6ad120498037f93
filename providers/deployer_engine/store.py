"""Objects that can be created once, in a named volume of the engine: records and leases.

Reads and writes run in a container that mounts the volume: the edge, or a helper that ends by
itself. The volume is never removed here: losing it is losing the history.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType

from deployer.errors import ConfigError, Conflict, Transient
from deployer_engine.client import Engine, Missing, Output, translated
from deployer_engine.container import OFFICIAL_IMAGE, OWNER, STORE, image_id

LARGEST = 256 * 1024  # bytes of one object
HELPER = "deployer.helper"  # label: the volume that a helper container serves
HELPER_LIFE = 600  # seconds after which a helper ends, whatever became of us

_KEY = re.compile(r"[a-z0-9][a-zA-Z0-9_.-]*(/[a-zA-Z0-9][a-zA-Z0-9_.-]*){0,3}")
_EXISTS = 17
_SHORT = 18

# A hard link appears whole or not at all, and fails where the name is taken. The data is
# durable before it has its name, and the name before we say so.
_CREATE = f"""cd {STORE}; umask 022; mkdir -p .tmp "$(dirname "$2")" || exit
find .tmp -type f -mmin +60 -delete
part=$(mktemp .tmp/XXXXXXXX) || exit; trap 'rm -f "$part"' EXIT
head -c "$1" >"$part"; [ "$(wc -c <"$part")" -eq "$1" ] || exit {_SHORT}
chmod 644 "$part"; sync "$part" || exit
ln "$part" "$2" 2>/dev/null || {{ [ -e "$2" ] && exit {_EXISTS}; exit 1; }}
sync "$(dirname "$2")"
"""
# All sizes first, then all content: two processes for any number of keys, not two for each.
_READ = f"""cd {STORE}; set --
while IFS= read -r key && [ "$key" ]; do [ ! -f "$key" ] || set -- "$@" "$key"; done
[ $# -eq 0 ] || stat -c '%s %n' "$@" || exit
echo; [ $# -eq 0 ] || cat "$@"
"""
_READ_FOLDER = f"""cd {STORE}; [ ! -d "$1" ] || set -- $(find "$1" -type f)
[ -f "$1" ] || set --
[ $# -eq 0 ] || stat -c '%s %n' "$@" || exit
echo; [ $# -eq 0 ] || cat "$@"
"""
_LIST = f'cd {STORE}; [ ! -d "$1" ] || find "$1" -type f || exit; echo .'  # the dot: all of it
_DELETE = f'cd {STORE}; rm -f "$1" && sync "$(dirname "$1")" 2>/dev/null; true'


class _NoVolume(Exception):
    """There is nothing to look at."""


class VolumeStore:
    """Create-only objects in `volume`. A context manager: closing removes the helper.

    Keys are lower-case paths of at most four parts, such as `records/0001-abc.json`.
    """

    def __init__(
        self,
        engine: Engine,
        volume: str,
        *,
        image: str = OFFICIAL_IMAGE,
        labels: Mapping[str, str] | None = None,
        beside: str | None = None,
    ) -> None:
        self._beside = beside  # a container that probably mounts the volume: saves looking
        self._engine = engine
        self._volume = volume
        self._image = image
        self._labels = dict(labels or {})
        self._where = f"volume {volume}"
        self._helper: str | None = None
        self._container: str | None = None

    def __enter__(self) -> VolumeStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the helper container, if one was needed. Harmless to repeat."""
        helper, self._helper, self._container = self._helper, None, None
        if helper:
            _remove(self._engine, helper, self._where)

    def create(self, key: str, data: bytes) -> bool:
        """Make the object `key`, whole and durable; False if there is one already.

        Of any number of writers exactly one gets True. Raises ConfigError (key, size).
        """
        _checked(key)
        if len(data) > LARGEST:
            raise ConfigError(f"{key} has {len(data)} bytes; the store takes {LARGEST}")
        done = self._run(_CREATE, str(len(data)), key, stdin=data)
        if done.code in (0, _EXISTS):
            return done.code == 0
        raise self._failed(f"{key} could not be written", done)

    def read(self, key: str) -> bytes | None:
        """The object's content, or None if there is none."""
        return self.read_many([key]).get(key)

    def read_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Those of `keys` that exist, with their content, in one round trip."""
        asked = [_checked(key) for key in keys]
        if not asked:
            return {}
        done = self._look(_READ, stdin="".join(f"{key}\n" for key in [*asked, ""]).encode())
        if done is None:
            return {}
        if done.code:
            raise self._failed("objects could not be read", done)
        return self._unframed(done.stdout)

    def read_folder(self, prefix: str) -> dict[str, bytes]:
        """Every object below the folder `prefix`, with its content, in one round trip.

        The engine hands out a folder without starting a process. One that it does not see may be
        absent, or in a container without the volume: a command beside the volume proves which.
        """
        if found := self._copied(_checked(prefix)):
            return found
        done = self._look(_READ_FOLDER, _checked(prefix))
        if done is None:
            return {}
        if done.code:
            raise self._failed(f"{prefix} could not be read", done)
        return self._unframed(done.stdout)

    def _copied(self, prefix: str) -> dict[str, bytes]:
        place = self._container or self._beside
        if place is None:
            return {}
        try:
            found = self._engine.get(place, f"{STORE}/{prefix}") or {}
        except (Missing, Conflict):
            return {}
        above = prefix.rpartition("/")[0]
        return {f"{above}/{name}".lstrip("/"): data for name, data in found.items()}

    def list(self, prefix: str) -> list[str]:
        """The keys below the folder `prefix` (no trailing slash), sorted."""
        done = self._look(_LIST, _checked(prefix))
        if done is None:
            return []
        if done.code:
            raise self._failed(f"{prefix} could not be listed", done)
        *keys, end = done.stdout.decode().split() or [""]
        if end != ".":
            raise self._lost()
        return sorted(keys)

    def delete(self, key: str) -> None:
        """Remove the object. Harmless if there is none."""
        done = self._run(_DELETE, _checked(key))
        if done.code:
            raise self._failed(f"{key} could not be deleted", done)

    def now(self) -> float:
        """The engine host's clock, in seconds since 1970: one clock for all who share it."""
        return self._engine.now()

    def _run(self, script: str, *arguments: str, stdin: bytes = b"", make: bool = True) -> Output:
        """Run a script beside the volume. A container that went away is replaced, once.

        Repeating is safe: what did not run in a stopped container has done nothing, and an
        exec that was cut off ends in Transient, never here.
        """
        command = ["sh", "-c", script, "store", *arguments]
        try:
            return self._engine.run(self._place(make), command, stdin)
        except (Missing, Conflict):
            self.close()
            self._beside = None
            return self._engine.run(self._place(make), command, stdin)

    def _look(self, script: str, *arguments: str, stdin: bytes = b"") -> Output | None:
        """As `_run`; None where there is no volume. A helper that mounts one would make it, and a
        look leaves nothing behind."""
        try:
            return self._run(script, *arguments, stdin=stdin, make=False)
        except _NoVolume:
            return None

    def _place(self, make: bool = True) -> str:
        """A running container of ours that mounts the volume, which is made only if `make`."""
        if self._container is None:
            self._container = self._beside or self._edge() or self._start_helper(make)
        return self._container

    def _edge(self) -> str | None:
        with translated(self._where):
            mounts = {"volume": self._volume, "label": OWNER, "status": "running"}
            found = self._engine.api.containers(filters=mounts)
        return next((str(container["Id"]) for container in found), None)

    def _start_helper(self, make: bool) -> str:
        if not make:
            self._require_volume()
        with translated(self._where):
            made = self._engine.sdk.containers.run(
                image_id(self._engine, self._image),
                entrypoint=["sleep", str(HELPER_LIFE)],
                labels={**self._labels, HELPER: self._volume},
                volumes=[f"{self._volume}:{STORE}"],
                network_mode="none",
                user="0",
                init=True,
                auto_remove=True,
                detach=True,
            )
        self._helper = str(made.id)
        return self._helper

    def _require_volume(self) -> None:
        try:
            with translated(self._where):
                self._engine.api.inspect_volume(self._volume)
        except Missing as error:
            raise _NoVolume(self._where) from error

    def _unframed(self, data: bytes) -> dict[str, bytes]:
        """Content by key. The sizes must add up, or the answer was cut, or a key deleted."""
        if not data:
            raise self._lost()
        head, _, body = (b"\n" + data).partition(b"\n\n")
        sizes = [line.split(" ", 1) for line in head.decode().split("\n")[1:]]
        found, start = {}, 0
        for size, key in sizes:
            found[key] = body[start : start + int(size)]
            start += int(size)
        if start != len(body):
            raise Transient("the objects changed while they were read", where=self._where)
        return found

    def _lost(self) -> Transient:
        """The engine now and then loses what a short command wrote: that is no empty answer."""
        return Transient("the engine lost an answer of the store", where=self._where)

    def _failed(self, what: str, done: Output) -> Transient:
        why = done.stderr.decode(errors="replace").strip()
        if done.code == _SHORT:
            why = "the connection ended before all data was there; nothing was written"
        return Transient(what, where=self._where, why=why or f"exit status {done.code}")


def _checked(key: str) -> str:
    if len(key) > 200 or not _KEY.fullmatch(key):
        raise ConfigError(f"{key!r} is no key of the store", fix="like records/0001-abc.json")
    return key


def _remove(engine: Engine, container: str, where: str) -> None:
    """Remove a container that may end by itself at the same time."""
    with suppress(Missing, Conflict), translated(where):
        engine.api.remove_container(container, force=True)
