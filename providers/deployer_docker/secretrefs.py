"""Where a docker target takes secret values from, and how their change is seen without them.

`env:NAME` is a variable of the shell that runs deployer, `file:PATH` a file beside it; a bare
NAME that could be a variable means `env:NAME`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from deployer.errors import PreflightError
from deployer.model import SecretRef
from deployer.releases.store import Store
from deployer.secret import Secret

KEY = "fingerprint/key"
LARGEST = 256 * 1024
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def values(refs: Mapping[str, SecretRef], root: Path) -> dict[str, Secret]:
    """The value behind each reference; `file:` starts at `root`.

    Raises PreflightError that names all that are missing.
    """
    found = {name: _value(ref.ref, root) for name, ref in refs.items()}
    missing = [f"{name}: {refs[name].ref}" for name, value in found.items() if value is None]
    if missing:
        raise PreflightError(
            f"{len(missing)} secret{'s have' if len(missing) > 1 else ' has'} no value",
            where="secrets",
            evidence=missing,
            fix="export the variable or write the file; forms: env:NAME, file:PATH",
        )
    return {name: value for name, value in found.items() if value is not None}


def pinned(refs: Mapping[str, SecretRef], store: Store, root: Path) -> dict[str, SecretRef]:
    """`refs` with a keyed fingerprint of each value: the same value gives the same one, and
    without the key, which stays on the engine, nobody can try values against it."""
    if not refs:
        return {}
    key = _key(store)
    prints = {name: _fingerprint(key, value) for name, value in values(refs, root).items()}
    return {name: replace(ref, fingerprint=prints[name]) for name, ref in refs.items()}


def _value(ref: str, root: Path) -> Secret | None:
    kind, _, rest = ref.partition(":")
    if kind == "file":
        return _file(root / Path(rest).expanduser())
    name = rest if kind == "env" else ref
    if not _VARIABLE.fullmatch(name) or not os.environ.get(name):
        return None
    return Secret(os.environ[name])


def _file(path: Path) -> Secret | None:
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return None
        return Secret(path.read_text().rstrip("\n"))
    except (OSError, UnicodeDecodeError):
        return None


def _key(store: Store) -> bytes:
    there = store.read_many([KEY]).get(KEY)
    if there is None:
        store.create(KEY, secrets.token_hex(32).encode())
        there = store.read_many([KEY])[KEY]
    return there


def _fingerprint(key: bytes, value: Secret) -> str:
    return hmac.new(key, value.reveal().encode(), hashlib.sha256).hexdigest()[:12]
