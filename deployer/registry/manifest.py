"""What registries hold, as types: descriptors, manifests, image configurations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployer.errors import RegistryError
from deployer.registry.reference import Digest

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
ACCEPT = ", ".join((OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST))


@dataclass(frozen=True, slots=True)
class Descriptor:
    """One piece of content: its digest, size in bytes and media type; of an index's child also
    the platform (`linux/amd64`)."""

    digest: Digest
    size: int
    media_type: str
    platform: str = ""

    @property
    def is_index(self) -> bool:
        """True for a list of images for several platforms."""
        return self.media_type in INDEXES


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as its registry keeps it: the bytes count, their digest is the image's name."""

    descriptor: Descriptor
    raw: bytes

    @property
    def children(self) -> tuple[Descriptor, ...]:
        """The manifests of an index; empty for an image."""
        return tuple(descriptor(entry) for entry in self._json().get("manifests", ()))

    @property
    def config(self) -> Descriptor:
        """An image's configuration blob. RegistryError for an index."""
        entry = self._json().get("config")
        if not isinstance(entry, dict):
            raise malformed(self.descriptor.digest, "it has no `config`")
        return descriptor(entry)

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        """An image's layers, the lowest first; empty for an index."""
        return tuple(descriptor(entry) for entry in self._json().get("layers", ()))

    def _json(self) -> dict[str, Any]:
        return parse_object(self.raw, self.descriptor.digest)


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What an image says about itself. `ports` are those that EXPOSE names, with TCP."""

    os: str
    architecture: str
    variant: str
    user: str
    ports: tuple[int, ...]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    labels: Mapping[str, str]

    @property
    def platform(self) -> str:
        """`linux/amd64`, `linux/arm/v7`."""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def digest_of(raw: bytes) -> Digest:
    """The digest of `raw`."""
    return Digest("sha256:" + hashlib.sha256(raw).hexdigest())


def descriptor(entry: Mapping[str, Any]) -> Descriptor:
    """One descriptor out of a manifest's JSON (OCI image specification, descriptor.md)."""
    platform = entry.get("platform") or {}
    parts = (platform.get(key) for key in ("os", "architecture", "variant"))
    return Descriptor(
        Digest(entry["digest"]),
        int(entry["size"]),
        entry.get("mediaType", ""),
        "/".join(part for part in parts if part),
    )


def image_config(raw: bytes) -> ImageConfig:
    """An image's configuration blob as a type (OCI image specification, config.md)."""
    body = parse_object(raw, digest_of(raw))
    config = body.get("config") or {}
    return ImageConfig(
        os=body.get("os", ""),
        architecture=body.get("architecture", ""),
        variant=body.get("variant", ""),
        user=config.get("User") or "",
        ports=_ports(config.get("ExposedPorts") or {}),
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        labels=dict(config.get("Labels") or {}),
    )


def parse_object(raw: bytes, name: str) -> dict[str, Any]:
    """`raw` as a JSON object; RegistryError if it is none."""
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise malformed(name, "it is not JSON") from error
    if not isinstance(value, dict):
        raise malformed(name, "it is not a JSON object")
    return value


def malformed(name: str, why: str) -> RegistryError:
    """The sentence for content that is not what its media type says."""
    return RegistryError(
        f"the registry's content {name} is malformed",
        why=why,
        fix="push the image again",
    )


def _ports(exposed: Mapping[str, Any]) -> tuple[int, ...]:
    pairs = (key.partition("/") for key in exposed)
    return tuple(sorted(int(port) for port, _, proto in pairs if proto in ("", "tcp")))
