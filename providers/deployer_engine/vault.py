"""Secrets as files that only exist in memory, one tmpfs volume for each release.

A keeper container holds the mount, so that the files outlive restarts of the application. The
values travel as the standard input of a command: they are in no argument, environment, label,
layer or disk. A reboot empties the vault; `intact` says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from deployer.errors import ConfigError, Conflict, PreflightError
from deployer.secret import Secret
from deployer_engine.client import Engine, Missing, tar, translated
from deployer_engine.container import OFFICIAL_IMAGE, image_id

MOUNT = "/run/secrets"  # where the application finds its files
KEEPER = "deployer.vault"  # label: the release whose secrets are kept

_FOLDER = "/secrets"
_COMPLETE = ".complete"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_RESTART: Any = {"Name": "unless-stopped"}
_OPTIONS = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m,mode=0711"}

# All values are there before the first one is replaced; the mark comes last.
_PUT = f"""set -e; cd {_FOLDER}; rm -rf .new {_COMPLETE}; mkdir -m 700 .new
tar -x -o -f - -C .new
for old in *; do [ -e ".new/$old" ] || rm -f "$old"; done
for new in .new/*; do [ ! -e "$new" ] || mv -f "$new" .; done
rmdir .new; : >{_COMPLETE}"""
_NAMES = f"cd {_FOLDER} && [ -e {_COMPLETE} ] && ls -1"


class Vault:
    """The secrets of the releases of one service. `name` prefixes what is made for them."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        *,
        image: str = OFFICIAL_IMAGE,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self._engine = engine
        self._name = name
        self._image = image
        self._labels = dict(labels or {})

    def put(self, release: str, secrets: Mapping[str, Secret]) -> None:
        """Make exactly these the release's files, readable by any user of its container.

        Raises ConfigError (a name is no file name), PreflightError (more than 1 MiB).
        """
        for name in secrets:
            if not _NAME.fullmatch(name):
                raise ConfigError(f"{name!r} is no name of a secret", fix="letters, digits, _ - .")
        self._keep(release)
        files = {name: secret.reveal().encode() for name, secret in secrets.items()}
        done = self._engine.run(self._keeper(release), ["sh", "-c", _PUT], tar(files, 0o444))
        if done.code:
            why = done.stderr.decode(errors="replace").strip()
            what = f"the secrets of release {release} could not be written"
            raise PreflightError(what, where=self._volume(release), why=why)

    def names(self, release: str) -> list[str]:
        """The names of the files that are there, sorted; none if the vault is not intact."""
        with suppress(Missing, Conflict):
            done = self._engine.run(self._keeper(release), ["sh", "-c", _NAMES])
            return sorted(done.stdout.decode().split()) if done.code == 0 else []
        return []

    def intact(self, release: str) -> bool:
        """Whether the files are as they were put; false after a reboot, or if never put."""
        with suppress(Missing, Conflict):
            return self._engine.run(self._keeper(release), ["sh", "-c", _NAMES]).code == 0
        return False

    def mount(self, release: str) -> str:
        """The bind that gives an application's container its files, read-only."""
        return f"{self._volume(release)}:{MOUNT}:ro,nocopy"

    def remove(self, release: str) -> None:
        """Forget the release's secrets. Harmless to repeat.

        Raises Conflict while a container still mounts them.
        """
        keeper, volume = self._keeper(release), self._volume(release)
        with suppress(Missing), translated(f"container {keeper}"):
            self._engine.api.remove_container(keeper, force=True)
        with suppress(Missing), translated(f"volume {volume}"):
            self._engine.api.remove_volume(volume)

    def _keeper(self, release: str) -> str:
        return f"{self._name}-vault-{release}"

    def _volume(self, release: str) -> str:
        return f"{self._name}-secrets-{release}"

    def _keep(self, release: str) -> None:
        """A running keeper with its volume; what exists is used."""
        keeper = self._keeper(release)
        with suppress(Missing), translated(f"container {keeper}"):
            self._engine.api.start(keeper)
            return
        self._make(release)

    def _make(self, release: str) -> None:
        keeper, volume = self._keeper(release), self._volume(release)
        labels = {**self._labels, KEEPER: release}
        with translated(f"container {keeper}"):
            self._engine.api.create_volume(volume, "local", _OPTIONS, labels)
            self._engine.sdk.containers.run(
                image_id(self._engine, self._image),
                name=keeper,
                entrypoint=["sleep", "infinity"],
                labels=labels,
                volumes=[f"{volume}:{_FOLDER}:nocopy"],
                restart_policy=_RESTART,
                network_mode="none",
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                init=True,
                user="0",
                detach=True,
            )
