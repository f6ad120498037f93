"""The nouns: frozen, parsed at the edge, free of any network, clock or disk.

What a *service* should be (`Build` … `Rollout`) is what `deployer.yaml` says. A `Spec` is one
service as it should run on one target, its image decided. A `Revision` is what a provider has.
"""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from deployer.noun import Noun, encode
from deployer.quantity import Bytes, Seconds

# -- what deployer.yaml says about a service ---------------------------------------------------


class Build(Noun, frozen=True):
    """How the image is built."""

    context: Annotated[str, Meta(description="folder sent to the builder")] = "."
    dockerfile: Annotated[str, Meta(description="path below the context")] = "Dockerfile"
    target: Annotated[str | None, Meta(description="stage to stop at")] = None
    args: Annotated[dict[str, str], Meta(description="build arguments; never secrets")] = {}
    secrets: Annotated[
        dict[str, str] | tuple[str, ...],
        Meta(description="BuildKit secrets: id, or id: `env:NAME` or `file:PATH`"),
    ] = {}
    ssh: Annotated[
        tuple[str, ...], Meta(description="ssh agent sockets or keys, as `default`")
    ] = ()
    platform: Annotated[str | None, Meta(description="as linux/amd64; default: the target's")] = (
        None
    )
    cache: Annotated[
        str | None, Meta(description="registry reference that keeps the build cache")
    ] = None
    attest: Annotated[
        bool, Meta(description="attach provenance; gives a new digest on every build")
    ] = False


class Health(Noun, frozen=True):
    """When a container counts as healthy: HTTP 200 to 399 on `path`, or `command` exits with 0."""

    path: Annotated[str | None, Meta(description="HTTP path, as /health")] = None
    command: Annotated[
        tuple[str, ...] | None, Meta(description="run in the container instead")
    ] = None
    interval: Annotated[Seconds, Meta(description="time between two checks")] = Seconds(10)
    timeout: Annotated[Seconds, Meta(description="longest time for one check")] = Seconds(5)
    retries: Annotated[int, Meta(ge=1, description="failures in a row that count")] = 3
    start_period: Annotated[
        Seconds, Meta(description="time to boot in which failures do not count")
    ] = Seconds(30)

    @property
    def budget(self) -> float:
        """Seconds after which a container that never was healthy never will be."""
        return self.start_period + self.retries * (self.interval + self.timeout)


class Resources(Noun, frozen=True):
    """What one container may use; each provider has its own allowed pairs."""

    cpu: Annotated[Annotated[float, Meta(gt=0)] | None, Meta(description="cores, as 0.5")] = None
    memory: Annotated[Bytes | None, Meta(description="as 512Mi or 1Gi")] = None


class Scale(Noun, frozen=True):
    """How many containers run."""

    min: Annotated[int, Meta(ge=0)] = 1
    max: Annotated[int, Meta(ge=1)] = 1


class ReleaseCommand(Noun, frozen=True):
    """A command run once on the new image before any traffic moves, as a migration."""

    command: Annotated[tuple[str, ...], Meta(min_length=1)]
    timeout: Seconds = Seconds(600)


class Rollout(Noun, frozen=True):
    """How traffic moves to a new revision."""

    on_failure: Annotated[
        Literal["rollback", "stop"], Meta(description="`stop` leaves the failure for a person")
    ] = "rollback"
    bake: Annotated[Seconds, Meta(description="watch the new revision at 100 % this long")] = (
        Seconds(0)
    )
    stages: Annotated[
        tuple[int, ...], Meta(description="traffic percentages, rising, the last one 100")
    ] = (100,)
    stage_wait: Annotated[Seconds, Meta(description="watch each stage this long")] = Seconds(10)
    canary: Annotated[
        dict[str, Any] | None, Meta(description="the platform's own canary (ECS)")
    ] = None
    linear: Annotated[
        dict[str, Any] | None, Meta(description="the platform's own linear shift (ECS)")
    ] = None


class Proof(StrEnum):
    """How the promise was, or is to be, checked."""

    OUTSIDE = "outside"
    PLATFORM = "platform"
    NONE = "none"


# -- images ------------------------------------------------------------------------------------


class RegistryImage(Noun, frozen=True, tag="registry"):
    """An image in a registry, by manifest digest. A tag becomes a digest once, at the edge."""

    repository: str
    digest: Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$")]
    tag: str | None = None

    @property
    def reference(self) -> str:
        """What an engine or a cloud is told to run."""
        return f"{self.repository}@{self.digest}"


class EngineImage(Noun, frozen=True, tag="engine"):
    """An image that exists on one engine only, by image id. An id is no manifest digest."""

    name: str
    digest: Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$")]
    tag: str | None = None

    @property
    def reference(self) -> str:
        """What the engine is told to run."""
        return self.digest


Image = RegistryImage | EngineImage


def short(digest: str) -> str:
    """`sha256:9f3c…` as people see it: the first twelve hex digits."""
    return digest.removeprefix("sha256:")[:12]


# -- one service on one target -----------------------------------------------------------------


class Scope(Noun, frozen=True):
    """Where: one service of an app, on one target of an environment."""

    app: str
    environment: str
    target: str
    service: str
    name: str

    def __str__(self) -> str:
        return f"{self.environment}/{self.target}/{self.service}"


class SecretRef(Noun, frozen=True):
    """Where a secret's value is, its pinned version, and a keyed fingerprint; never the value."""

    ref: str
    version: str | None = None
    fingerprint: str | None = None


class Spec(Noun, frozen=True):
    """One service as it should run on one target."""

    scope: Scope
    image: Image
    port: int | None = None
    command: tuple[str, ...] | None = None
    env: dict[str, str] = {}
    secrets: dict[str, SecretRef] = {}
    health: Health = Health()
    resources: Resources = Resources()
    scale: Scale = Scale()
    volumes: dict[str, str] = {}
    stop_grace: Seconds = Seconds(30)
    verify: Proof = Proof.OUTSIDE
    options: dict[str, Any] = {}

    @property
    def fingerprint(self) -> str:
        """A hash of everything that a running container depends on; `verify` is none of it."""
        plain = msgspec.structs.replace(self, verify=Proof.OUTSIDE)
        bare = msgspec.structs.replace(plain, image=_untagged(self.image))
        return hashlib.sha256(encode(bare)).hexdigest()[:16]

    @property
    def proof(self) -> Proof:
        """The strongest proof possible: a worker has no port to be asked at."""
        if self.port is None and self.verify is Proof.OUTSIDE:
            return Proof.PLATFORM
        return self.verify


class State(StrEnum):
    """What a provider says about one revision."""

    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    CRASHED = "crashed"
    STOPPED = "stopped"


class Revision(Noun, frozen=True):
    """What a release became at the provider."""

    release: str
    image: Image
    fingerprint: str
    weight: int = 0  # percent of traffic; a worker's live revision has 100
    state: State = State.STARTING
    created: float = 0.0  # seconds since 1970
    spec: Spec | None = None


class Observed(Noun, frozen=True):
    """What one scope looks like at the provider.

    `fence` changes whenever anything that a plan relies on changes, and only then.
    """

    scope: Scope
    revisions: tuple[Revision, ...] = ()
    url: str | None = None
    fence: str = ""

    @property
    def live(self) -> Revision | None:
        """The revision with the most traffic; None where nothing serves."""
        serving = [r for r in self.revisions if r.weight]
        return max(serving, key=lambda r: r.weight, default=None)

    def find(self, release: str) -> Revision | None:
        """The revision of `release`, or None."""
        return next((r for r in self.revisions if r.release == release), None)


class Identity(Noun, frozen=True):
    """Who we are and where: shown by `doctor`, compared with the configured account."""

    provider: str
    account: str
    detail: str = ""


class Capability(StrEnum):
    """Facts about a provider that the planner and `check` need."""

    TRAFFIC_SPLIT = "traffic-split"  # weights other than 0 and 100
    ENGINE_IMAGES = "engine-images"  # runs images without a registry
    RELEASE_COMMAND = "release-command"
    VOLUMES = "volumes"
    WORKERS = "workers"  # services without a port
    SCALE = "scale"  # more than one container a service


NAME = re.compile(r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$")


def _untagged(image: Image) -> Image:
    return msgspec.structs.replace(image, tag=None)
