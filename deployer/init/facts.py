"""What was found out about a folder: each with the place where it was found."""

from __future__ import annotations

from msgspec import Struct


class Found(Struct, frozen=True):
    """A value, and in words where it comes from."""

    value: str
    why: str


class HealthFacts(Struct, frozen=True):
    """A health check as far as it is known."""

    path: Found | None = None
    timings: dict[str, str] = {}


class ServiceFacts(Struct, frozen=True, kw_only=True):
    """One folder with a Dockerfile."""

    name: str
    context: str = "."
    dockerfile: str = "Dockerfile"
    target: Found | None = None
    port: Found | None = None
    health: HealthFacts = HealthFacts()
    release: tuple[tuple[str, ...], str] | None = None
    root_user: bool = False
    volumes: dict[str, str] = {}
    depends_on: tuple[str, ...] = ()


class Facts(Struct, frozen=True, kw_only=True):
    """One folder. `variables` and `secrets`: names only, each with the file it stands in."""

    app: Found
    services: tuple[ServiceFacts, ...]
    dockerfile: bool
    variables: dict[str, str] = {}
    secrets: dict[str, str] = {}
    others: dict[str, str] = {}
