"""One random id for everything that a test session creates, and its removal.

Containers, networks, volumes and images are ours if the id occurs in their name, in a tag, or in
a label (key or value). Name an app `session.name("shop")` and whatever a provider creates for it
is found again.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterable
from typing import Any

import docker
from docker.errors import APIError

LABEL = "deployer.test"


class Session:
    """`id` is eight random letters and digits; `labels` go on what tests create themselves."""

    def __init__(self) -> None:
        self.id = "t" + secrets.token_hex(4)[:7]
        self.labels = {LABEL: self.id}

    def name(self, stem: str) -> str:
        """A name that only this session uses, found by `remove_all`: `shop-t1a2b3c4`."""
        return f"{stem}-{self.id}"

    def containers(self, engine: docker.DockerClient) -> list[Any]:
        """Ours, running or not."""
        return self._ours(engine.containers.list(all=True, ignore_removed=True))

    def remove_all(self, engine: docker.DockerClient) -> None:
        """Removes what carries the id, and nothing else."""
        for container in self.containers(engine):
            with contextlib.suppress(APIError):
                container.remove(force=True, v=True)
        for network in self._ours(engine.networks.list()):
            with contextlib.suppress(APIError):
                network.remove()
        self._remove_volumes(engine)
        self._remove_images(engine)

    def _remove_volumes(self, engine: docker.DockerClient) -> None:
        for volume in self._ours(engine.volumes.list()):
            with contextlib.suppress(APIError):
                volume.remove(force=True)

    def _remove_images(self, engine: docker.DockerClient) -> None:
        """By name, not by id: an id takes along everybody else's names of the same image, and a
        test that tagged the base image would delete it for all."""
        for image in self._ours(engine.images.list()):
            for name in _names(image.attrs, self.id) or [image.id]:
                with contextlib.suppress(APIError):
                    engine.images.remove(name)

    def _ours(self, things: Iterable[Any]) -> list[Any]:
        return [thing for thing in things if self._mine(thing.attrs)]

    def _mine(self, attributes: dict[str, Any]) -> bool:
        config = attributes.get("Config") or {}
        labels = attributes.get("Labels") or config.get("Labels")
        told = [
            attributes.get("Name"),
            attributes.get("Names"),
            attributes.get("RepoTags"),
            labels,
        ]
        return self.id in json.dumps(told)


def _names(attributes: dict[str, Any], mark: str) -> list[str]:
    """The tags, then the digests, of an image that carry `mark`."""
    names = [*(attributes.get("RepoTags") or ()), *(attributes.get("RepoDigests") or ())]
    return [name for name in names if mark in name]
