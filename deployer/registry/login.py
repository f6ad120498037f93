"""Who we are at a registry: one question, asked late, answered by Docker's files or by a cloud."""

from __future__ import annotations

import base64
import binascii
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from deployer.errors import AuthError, ConfigError
from deployer.registry.reference import HUB, HUB_HOST
from deployer.secret import Secret

HUB_KEY = "https://index.docker.io/v1/"  # what `docker login` calls Docker Hub
HELPER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Basic:
    """A user name and its password, or what a cloud gives out as one."""

    username: str
    password: Secret


@dataclass(frozen=True, slots=True)
class IdentityToken:
    """A refresh token that the registry's token server turns into access tokens."""

    token: Secret


Credential = Basic | IdentityToken


class Logins(Protocol):
    """Where credentials come from."""

    def credentials(self, registry: str) -> Credential | None:
        """Credentials for `registry` (a host, with a port if it has one), or None: anonymous.

        Asked right before use and again after a refusal, so that an answer may be short-lived.
        AuthError if there should be some, but they cannot be had.
        """
        ...


class StaticLogins:
    """Credentials by host; a callable is asked each time, so that a cloud's token stays fresh.

    `StaticLogins({"registry.example": lambda: Basic("AWS", fetch_password())})`
    """

    def __init__(self, logins: Mapping[str, Credential | Callable[[], Credential | None]]) -> None:
        self._logins = dict(logins)

    def credentials(self, registry: str) -> Credential | None:
        found = self._logins.get(registry)
        return found() if callable(found) else found


class FirstOf:
    """The first of several sources that knows the host: a cloud, then Docker's files."""

    def __init__(self, *sources: Logins) -> None:
        self._sources = sources

    def credentials(self, registry: str) -> Credential | None:
        for source in self._sources:
            if (found := source.credentials(registry)) is not None:
                return found
        return None


class DockerConfigLogins:
    """What `docker login` left behind, read as Docker reads it and never written.

    In this order: the variable DOCKER_AUTH_CONFIG, `credHelpers`, `credsStore`, `auths`.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(os.environ if environment is None else environment)

    def credentials(self, registry: str) -> Credential | None:
        inline = auth_config_variable(self._environment)
        if found := _from_auths(inline, registry):
            return found
        config = read_config(config_folder(self._environment))
        if helper := config.get("credHelpers", {}).get(server_key(registry, config)):
            return self._ask(helper, registry)
        store = config.get("credsStore")
        if store and (found := self._ask(store, registry)):
            return found
        return _from_auths(config, registry)

    def _ask(self, helper: str, registry: str) -> Credential | None:
        server = HUB_KEY if registry in (HUB, HUB_HOST) else registry
        return ask_helper(helper, server, self._environment)


def config_folder(environment: Mapping[str, str]) -> Path:
    """Docker's configuration folder: DOCKER_CONFIG, else `.docker` at home."""
    if given := environment.get("DOCKER_CONFIG"):
        return Path(given)
    return Path(environment.get("HOME") or Path.home()) / ".docker"


def read_config(folder: Path) -> dict[str, Any]:
    """Docker's `config.json`, empty if there is none; ConfigError if it cannot be read."""
    file = folder / "config.json"
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unreadable(file, error.strerror or str(error)) from error
    return _mapping(text, str(file))


def auth_config_variable(environment: Mapping[str, str]) -> dict[str, Any]:
    """The variable DOCKER_AUTH_CONFIG (Docker 28.3 and later, GitLab CI), empty if unset."""
    text = environment.get("DOCKER_AUTH_CONFIG", "")
    return _mapping(text, "DOCKER_AUTH_CONFIG") if text.strip() else {}


def server_key(registry: str, config: Mapping[str, Any]) -> str:
    """The name that Docker's files use for `registry`, in `credHelpers` first."""
    if registry not in (HUB, HUB_HOST):
        return registry
    names = config.get("credHelpers", {})
    return next((name for name in (HUB_KEY, HUB, HUB_HOST) if name in names), HUB_KEY)


def same_server(key: str, registry: str) -> bool:
    """True if `key` of an `auths` section means `registry` (it may be written as a URL)."""
    host = key.partition("://")[2] or key
    host = host.partition("/")[0]
    hub = (HUB, HUB_HOST, "index.docker.io")
    return host == registry or (host in hub and registry in hub)


def ask_helper(helper: str, server: str, environment: Mapping[str, str]) -> Credential | None:
    """What `docker-credential-<helper> get` answers for `server`; None if it has nothing.

    The protocol is docker-credential-helpers': the server on stdin, JSON on stdout, and the user
    name `<token>` means that the secret is an identity token. AuthError if the helper is missing
    or fails.
    """
    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run(
            [program, "get"],
            input=server,
            capture_output=True,
            text=True,
            timeout=HELPER_SECONDS,
            env=dict(environment),
            check=False,
        )
    except FileNotFoundError as error:
        raise _helper_missing(program, server) from error
    except subprocess.TimeoutExpired as error:
        raise _helper_failed(program, server, "it did not answer within a minute") from error
    if done.returncode == 0:
        return _from_helper(program, server, done.stdout)
    said = (done.stdout + done.stderr).strip()
    if "not found" in said.lower():
        return None
    raise _helper_failed(program, server, said)


def _from_auths(config: Mapping[str, Any], registry: str) -> Credential | None:
    for key, entry in config.get("auths", {}).items():
        if same_server(key, registry) and isinstance(entry, dict):
            return _from_entry(entry, key)
    return None


def _from_entry(entry: Mapping[str, str], key: str) -> Credential | None:
    if token := entry.get("identitytoken"):
        return IdentityToken(Secret(token))
    if auth := entry.get("auth"):
        return _decode(auth, key)
    if entry.get("username") and entry.get("password"):
        return Basic(entry["username"], Secret(entry["password"]))
    return None


def _decode(auth: str, key: str) -> Credential:
    try:
        text = base64.b64decode(auth, validate=True).decode().rstrip("\x00")
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    user, colon, password = text.partition(":")
    if not colon:
        raise AuthError(
            f"the login for {key} in Docker's configuration is broken",
            why="its `auth` is not `user:password` in base64",
            fix=f"log in again: docker login {key}",
        )
    return Basic(user, Secret(password))


def _from_helper(program: str, server: str, answer: str) -> Credential | None:
    try:
        found = json.loads(answer)
        user, secret = found["Username"], found["Secret"]
    except (ValueError, KeyError, TypeError) as error:
        raise _helper_failed(program, server, "its answer is not the expected JSON") from error
    if not secret:
        return None
    return IdentityToken(Secret(secret)) if user == "<token>" else Basic(user, Secret(secret))


def _mapping(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise _unreadable(Path(where), "it is not JSON") from error
    if not isinstance(value, dict):
        raise _unreadable(Path(where), "it is not a JSON object")
    return value


def _unreadable(file: Path, why: str) -> ConfigError:
    return ConfigError(
        "Docker's configuration cannot be read",
        where=str(file),
        why=why,
        fix="mend the file, or set DOCKER_CONFIG to another folder",
    )


def _helper_missing(program: str, server: str) -> AuthError:
    return AuthError(
        f"no credentials for {server}: `{program}` is not installed",
        why="Docker's configuration names it as the keeper of this login",
        fix=f"install {program}, or remove it from `credHelpers`/`credsStore` and log in again",
    )


def _helper_failed(program: str, server: str, said: str) -> AuthError:
    return AuthError(
        f"no credentials for {server}: `{program}` failed",
        why="Docker's configuration names it as the keeper of this login",
        evidence=said.splitlines()[-5:],
        fix=f"run `echo {server} | {program} get` by hand to see what it misses",
    )
