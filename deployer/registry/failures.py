"""A registry's refusals in our words: which error, which cause, which way out."""

from __future__ import annotations

import json

from urllib3.response import BaseHTTPResponse

from deployer.errors import AuthError, Denied, DeployerError, RegistryError, Transient
from deployer.registry.auth import no_login, refused_login
from deployer.registry.reference import Pinned, Repository, Tagged

Name = Tagged | Pinned | Repository

_IMMUTABLE = ("IMMUTABLE", "ALREADYEXISTS", "TAG_INVALID")


def from_answer(name: Name, answer: BaseHTTPResponse) -> DeployerError:
    """The error for an answer that is not the expected one."""
    status, said = answer.status, codes(answer)
    if status == 403:
        return _denied(name, said)
    if status == 404:
        return _missing(name, said)
    if status == 429 or status >= 500:
        return _failing(name, status, said)
    if any(word in line.upper().replace(" ", "") for line in said for word in _IMMUTABLE):
        return _immutable(name, said)
    return RegistryError(
        f"the registry refused {name}",
        why=f"it answered {status}",
        evidence=said,
        fix="check that the address is a container registry, and its own log",
    )


def unauthorized(
    repository: Repository, actions: str, answer: BaseHTTPResponse, anonymous: bool
) -> AuthError:
    """The error for a second 401: no login, a wrong one, or one that may not do this."""
    challenge = answer.headers.get("www-authenticate", "")
    if anonymous:
        return no_login(repository.host)
    if challenge.lower().startswith("bearer") and (
        "insufficient_scope" in challenge or "DENIED" in " ".join(codes(answer))
    ):
        return _denied(repository, codes(answer), actions)
    return refused_login(repository.host, codes(answer))


def codes(answer: BaseHTTPResponse) -> tuple[str, ...]:
    """The `CODE: message` lines of an error body (distribution specification, Error Codes)."""
    try:
        errors = json.loads(answer.data)["errors"]
        return tuple(f"{entry['code']}: {entry.get('message', '')}" for entry in errors)
    except (ValueError, KeyError, TypeError):
        return ()


def corrupt(name: Name, expected: str, got: str) -> RegistryError:
    """The error for content that is not what its digest says."""
    return RegistryError(
        f"the registry gave other content for {name}",
        why=f"its digest should be {expected}, but is {got}",
        fix="check what sits between here and the registry (proxy, mirror), and push again",
    )


def too_large(name: Name, size: int) -> RegistryError:
    """The error for a manifest or a configuration beyond 4 MiB."""
    return RegistryError(
        f"{name} is too large to be a manifest or an image configuration",
        why=f"{size} bytes; at most 4 MiB are read",
        fix="check that the reference names a container image",
    )


def _denied(name: Name, said: tuple[str, ...], actions: str = "") -> Denied:
    return Denied(
        f"the registry does not let this account use {name}",
        why="it lacks the permission"
        + (f" to {actions.replace(',', ' and ')}" if actions else ""),
        evidence=said,
        fix="grant the permission on this repository, or log in as another account",
    )


def _missing(name: Name, said: tuple[str, ...]) -> RegistryError:
    if isinstance(name, Repository) or any("NAME_UNKNOWN" in line for line in said):
        return RegistryError(
            f"the repository of {name} does not exist",
            why="the registry answered 404" + ("" if said else ", and not as a registry does"),
            evidence=said,
            fix="create it (or let `--provision` do it), or correct its name",
        )
    return RegistryError(
        f"{name} is not in the registry",
        why="the registry answered 404" + ("" if said else ", and not as a registry does"),
        evidence=said,
        fix="push it first, or correct the reference",
    )


def _failing(name: Name, status: int, said: tuple[str, ...]) -> Transient:
    return Transient(
        f"the registry of {name} failed",
        why="it limits our requests (429)" if status == 429 else f"it answers {status}",
        evidence=said,
        fix="run the same again in a while",
    )


def _immutable(name: Name, said: tuple[str, ...]) -> RegistryError:
    return RegistryError(
        f"{name} exists already with other content, and this registry does not move tags",
        why="its tags are immutable",
        evidence=said,
        fix="use a new tag, or except this one from immutability",
    )
