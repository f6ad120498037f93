"""Images on the engine: whether they are there, and pulling them beside other work."""

from __future__ import annotations

import threading
from typing import Any

from deployer.errors import DeployerError, PreflightError
from deployer.model import EngineImage, Image, RegistryImage, short
from deployer.provider import Progress
from deployer.registry.login import Basic, Logins
from deployer.registry.reference import parse
from deployer_engine.client import Engine, Missing, translated

INPUT = "deployer.input"  # label: the hash of everything that a build reads


class Images:
    """The images of one engine, as far as one run cares."""

    def __init__(self, engine: Engine, logins: Logins) -> None:
        self._engine = engine
        self._logins = logins
        self._pulls: dict[str, _Pull] = {}

    def require(self, image: Image) -> None:
        """Raise PreflightError if an image that exists on this engine only is not there."""
        if isinstance(image, EngineImage) and not self.has(image):
            raise PreflightError(
                f"image {short(image.digest)} is not on this engine any more",
                where=self._engine.name,
                why="it was built here and never pushed, so it cannot be pulled again",
                fix="ship again to build it anew; `registry:` on the target keeps images safe",
            )

    def has(self, image: Image) -> bool:
        """Whether the engine has it."""
        try:
            with translated(self._engine.name):
                self._engine.api.inspect_image(image.reference)
        except Missing:
            return False
        return True

    def resolve(self, reference: str) -> Image | None:
        """The image that `reference` names on the engine: by manifest digest if it came from a
        registry or went to one, else by its id; None if the engine does not have it."""
        try:
            with translated(self._engine.name):
                found = self._engine.api.inspect_image(reference)
        except Missing:
            return None
        return _named(reference, found)

    def built(self, key: str) -> Image | None:
        """The newest image here that was built from the input with this hash."""
        with translated(self._engine.name):
            found = self._engine.api.images(filters={"label": f"{INPUT}={key}"})
        newest = max(found, key=lambda i: i["Created"], default=None)
        if newest is None:
            return None
        name = (newest["RepoTags"] or [newest["Id"]])[0]
        return EngineImage(name=name, digest=newest["Id"])

    def pull(self, image: RegistryImage) -> None:
        """Begin to pull `image` unless it is there or on its way. `progress` tells the end."""
        if image.reference not in self._pulls and not self.has(image):
            self._pulls[image.reference] = _Pull(self._engine, self._logins, image)

    def progress(self, image: Image) -> Progress:
        """How a pull goes; done where there is none. Raises what the pull met."""
        pull = self._pulls.get(image.reference)
        if pull is None or pull.ended():
            self.require(image)
            return Progress(done=True)
        return Progress(done=False, detail=f"pulling {image.reference}")


class _Pull:
    """One pull in a thread of its own; the engine answers only when it is whole."""

    def __init__(self, engine: Engine, logins: Logins, image: RegistryImage) -> None:
        self._engine, self._logins, self._image = engine, logins, image
        self._error: DeployerError | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def ended(self) -> bool:
        """Whether it is done. Raises the error it ended with."""
        if self._thread.is_alive():
            return False
        if self._error:
            raise self._error
        return True

    def _run(self) -> None:
        try:
            with translated(f"image {self._image.reference}"):
                self._engine.api.pull(
                    self._image.repository, self._image.digest, auth_config=self._login()
                )
        except DeployerError as error:
            self._error = error

    def _login(self) -> dict[str, str] | None:
        host = parse(self._image.reference).repository.registry
        found = self._logins.credentials(host)
        if found is None:
            return None
        if isinstance(found, Basic):
            return {"username": found.username, "password": found.password.reveal()}
        return {"identitytoken": found.token.reveal()}


def _named(reference: str, found: dict[str, Any]) -> Image:
    name = parse(reference, default_tag="latest")
    ours = [d for d in found["RepoDigests"] or () if parse(d).repository == name.repository]
    if ours:
        repository, _, digest = ours[0].partition("@")
        return RegistryImage(repository=repository, digest=digest)
    return EngineImage(name=reference, digest=found["Id"])
