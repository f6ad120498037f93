"""Image references as types: once parsed, a name cannot be mistaken for a digest.

The grammar and the short forms are Docker's (distribution/reference): `nginx:1` means
`docker.io/library/nginx:1`; the first part is a registry if it has a dot, a colon or a capital
letter, or is `localhost`.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Self

from deployer.errors import ConfigError

HUB = "docker.io"
HUB_HOST = "registry-1.docker.io"

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?")


class Digest(str):
    """`sha256:` and 64 hexadecimal digits; nothing else can be made into one."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        if not _DIGEST.fullmatch(text):
            raise ConfigError(
                f"`{text}` is not a digest",
                why="a digest is `sha256:` and 64 hexadecimal digits (0-9, a-f)",
                fix="copy it from `deployer status`, or from the last line of `docker push`",
            )
        return super().__new__(cls, text)

    @property
    def hex(self) -> str:
        """The 64 digits alone."""
        return self.removeprefix("sha256:")


@dataclass(frozen=True, slots=True)
class Repository:
    """A place for images: the registry's name as people write it, and the path in it."""

    registry: str
    path: str

    @property
    def host(self) -> str:
        """Where the registry's API answers; differs from its name for Docker Hub only."""
        return HUB_HOST if self.registry == HUB else self.registry

    def tagged(self, tag: str) -> Tagged:
        """This repository with `tag`, checked."""
        return Tagged(self, check_tag(tag))

    def pinned(self, digest: str) -> Pinned:
        """This repository with `digest`, checked."""
        return Pinned(self, Digest(digest))

    def __str__(self) -> str:
        return f"{self.registry}/{self.path}"


@dataclass(frozen=True, slots=True)
class Tagged:
    """An image by a name that may move."""

    repository: Repository
    tag: str

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"


@dataclass(frozen=True, slots=True)
class Pinned:
    """An image by its content; this is what is deployed."""

    repository: Repository
    digest: Digest

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}"


Reference = Tagged | Pinned


def parse(text: str, *, default_tag: str | None = None) -> Tagged | Pinned:
    """The reference that `text` means. A digest wins over a tag written beside it.

    Without tag and digest `default_tag` is taken; without that one it is a ConfigError, because
    Docker's silent `latest` is not the same image tomorrow.
    """
    name, at, digest = text.partition("@")
    name, tag = _split_tag(name)
    if tag is not None:
        check_tag(tag)
    repository = parse_repository(name)
    if at:
        return repository.pinned(digest)
    if tag is None and default_tag is None:
        raise ConfigError(
            f"`{text}` names no version",
            why="it has neither a tag (`:1.4`) nor a digest (`@sha256:…`)",
            fix=f"write `{text}:latest` if the moving tag is meant, or better a digest",
        )
    return repository.tagged(tag or default_tag or "")


def parse_repository(text: str) -> Repository:
    """The repository that `text` means, in Docker's short or full form; ConfigError otherwise."""
    first, slash, rest = text.partition("/")
    registry, path = (first, rest) if slash and _is_registry(first) else (HUB, text)
    registry = HUB if registry == "index.docker.io" else registry
    if registry == HUB and "/" not in path:
        path = f"library/{path}"
    _check_repository(text, registry, path)
    return Repository(registry, path)


def check_tag(tag: str) -> str:
    """`tag` itself, if registries take it; ConfigError otherwise."""
    if not _TAG.fullmatch(tag):
        raise ConfigError(
            f"`{tag}` is not a tag",
            why="a tag has at most 128 characters out of A-Z a-z 0-9 _ . - and does not begin "
            "with a dot or a dash",
            fix="replace other characters by a dash",
        )
    return tag


def is_loopback(registry: str) -> bool:
    """True if `registry` (host or host:port) is this machine: plain HTTP, as with Docker."""
    host = re.sub(r"(?<=[^:]):\d+$", "", registry).strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def scheme(registry: str) -> str:
    """`http` for a registry on this machine, `https` for all others."""
    return "http" if is_loopback(registry) else "https"


def _split_tag(name: str) -> tuple[str, str | None]:
    head, colon, tail = name.rpartition(":")
    if not colon or "/" in tail or "]" in tail:
        return name, None
    return head, tail


def _is_registry(first: str) -> bool:
    return first == "localhost" or any(c in first for c in ".:") or first.lower() != first


def _check_repository(text: str, registry: str, path: str) -> None:
    if "://" in text:
        raise ConfigError(
            f"`{text}` is a URL, not an image",
            why="an image is named `registry/path`, without `https://`",
            fix=f"write `{text.partition('://')[2]}`",
        )
    if not _HOST.fullmatch(registry):
        raise ConfigError(
            f"`{text}` names no registry",
            why=f"`{registry}` is not a host name with an optional port",
            fix="write it as `registry.example:5000/team/app`",
        )
    if not _PATH.fullmatch(path) or len(path) > 255:
        raise ConfigError(
            f"`{text}` is not an image name",
            why=f"`{path}` must be parts of lower-case letters and digits, joined by `/`, with "
            "single `.`, `_`, `__` or dashes inside, at most 255 characters",
            fix=f"write `{path.lower()}`" if path != path.lower() else "rename the repository",
        )
