"""A Docker configuration of our own for one command, so that nobody's file is ever written."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.errors import ConfigError
from deployer.registry.login import (
    HUB_KEY,
    Basic,
    Credential,
    Logins,
    auth_config_variable,
    config_folder,
    read_config,
    same_server,
)
from deployer.registry.reference import HUB, HUB_HOST

_OURS = ("auths", "credsStore", "credHelpers", "currentContext")


@dataclass(frozen=True, slots=True)
class PrivateConfig:
    """A folder for DOCKER_CONFIG, and the environment in which `docker` and `buildx` use it."""

    folder: Path
    environment: Mapping[str, str]


@contextmanager
def private_config(
    hosts: Iterable[str], logins: Logins, environment: Mapping[str, str] | None = None
) -> Iterator[PrivateConfig]:
    """A Docker configuration with `logins` for `hosts`, for as long as the context is open.

    The user's other settings go on working: logins and helpers of other registries (base images),
    plugins, the current context (as DOCKER_HOST) and the state of buildx. The folder is readable
    by us alone and removed at the end.
    """
    given = dict(os.environ if environment is None else environment)
    real = config_folder(given)
    user = read_config(real)
    config = _merged(user, auth_config_variable(given), _logged_in(hosts, logins))
    with tempfile.TemporaryDirectory(prefix="deployer-") as name:
        folder = Path(name)
        _write(folder / "config.json", json.dumps(config))
        if (real / "cli-plugins").is_dir():
            (folder / "cli-plugins").symlink_to((real / "cli-plugins").resolve())
        yield PrivateConfig(folder, _environment(given, user, real, folder))


def _logged_in(hosts: Iterable[str], logins: Logins) -> dict[str, Credential]:
    found = {host: logins.credentials(host) for host in dict.fromkeys(hosts)}
    return {host: credential for host, credential in found.items() if credential is not None}


def _merged(
    user: Mapping[str, Any], inline: Mapping[str, Any], ours: Mapping[str, Credential]
) -> dict[str, Any]:
    """The user's settings with our logins in them.

    `credsStore` would hide `auths` from Docker, also ours, so it becomes one helper per host that
    the user is logged in to.
    """
    auths = {**user.get("auths", {}), **inline.get("auths", {})}
    store = user.get("credsStore")
    helpers = {key: store for key in user.get("auths", {}) if store}
    helpers |= user.get("credHelpers", {})
    kept = {key: value for key, value in user.items() if key not in _OURS}
    taken = [*ours, *inline.get("auths", {})]
    mine = {_key(host): _entry(credential) for host, credential in ours.items()}
    return {
        **kept,
        "auths": {**_without(auths, ours), **mine},
        "credHelpers": _without(helpers, taken),
    }


def _without(section: Mapping[str, Any], hosts: Iterable[str]) -> dict[str, Any]:
    gone = [host.partition("://")[2].partition("/")[0] or host for host in hosts]
    return {
        key: value
        for key, value in section.items()
        if not any(same_server(key, host) for host in gone)
    }


def _key(host: str) -> str:
    return HUB_KEY if host in (HUB, HUB_HOST) else host


def _entry(credential: Credential) -> dict[str, str]:
    if isinstance(credential, Basic):
        pair = f"{credential.username}:{credential.password.reveal()}"
        return {"auth": base64.b64encode(pair.encode()).decode()}
    user = base64.b64encode(b"00000000-0000-0000-0000-000000000000:").decode()
    return {"auth": user, "identitytoken": credential.token.reveal()}


def _write(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)


def _environment(
    given: Mapping[str, str], user: Mapping[str, Any], real: Path, folder: Path
) -> dict[str, str]:
    gone = ("DOCKER_AUTH_CONFIG", "DOCKER_CONTEXT")  # both are folded in, and would win over us
    kept = {key: value for key, value in given.items() if key not in gone}
    kept.setdefault("BUILDX_CONFIG", str(real / "buildx"))
    return {**kept, **_endpoint(given, user, real), "DOCKER_CONFIG": str(folder)}


def _endpoint(given: Mapping[str, str], user: Mapping[str, Any], real: Path) -> dict[str, str]:
    """The current context as variables; it lives in the folder that we replace."""
    name = given.get("DOCKER_CONTEXT") or user.get("currentContext") or "default"
    if given.get("DOCKER_HOST") or name == "default":
        return {}
    key = hashlib.sha256(name.encode()).hexdigest()  # docker/cli, contexts' store
    try:
        meta = json.loads((real / "contexts" / "meta" / key / "meta.json").read_text())
        found = {"DOCKER_HOST": meta["Endpoints"]["docker"]["Host"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"the Docker context `{name}` does not exist",
            where=str(real),
            why="it is the current one, but its description cannot be read",
            fix="docker context use default, or set DOCKER_HOST",
        ) from error
    tls = real / "contexts" / "tls" / key / "docker"
    if tls.is_dir():
        found |= {"DOCKER_CERT_PATH": str(tls), "DOCKER_TLS_VERIFY": "1"}
    return found
