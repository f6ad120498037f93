"""What may stand in `deployer.yaml`, as structs with a description on every key.

A file is `File` plus either the keys of one `Service` or `services:`. Environments and targets
may say every key of `Overrides` again. A target also takes its provider's own options.
"""

# No `from __future__ import annotations`: as texts, the types would be compiled at each start.

from typing import Annotated, Any, Literal

from msgspec import Meta

from deployer.model import NAME, Build, Health, Proof, ReleaseCommand, Resources, Rollout, Scale
from deployer.noun import Noun
from deployer.quantity import Seconds

_DNS = {"shape": "a name of at most 40 lower-case letters, digits and dashes, as shop-api"}
_VARIABLE = {"shape": "a variable's name: letters, digits and _, no digit first"}
_MOUNT = {"shape": "an absolute path in the container, as /data or /data:ro"}
_MOMENT = {"shape": "a day as 2026-12-20, or a moment as 2026-12-20T18:00"}
_PLATFORM_NAME = {"shape": "the name of a service: letters, digits, - and _, at most 63"}
_STATE = {"shape": "an address, as s3://…, gs://…, az://… or file://…"}

Name = Annotated[str, Meta(pattern=NAME.pattern, extra=_DNS)]
Variable = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", extra=_VARIABLE)]
Mount = Annotated[str, Meta(pattern=r"^/[^:\s]*(:ro)?$", extra=_MOUNT)]
Moment = Annotated[
    str,
    Meta(pattern=r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?$", extra=_MOMENT),
]
Port = Annotated[int, Meta(ge=1, le=65535)]
Blocks = dict[Name, Any]  # mappings by name, each checked by the shape of its place


class Overrides(Noun, frozen=True):
    """What a service is, and what environments and targets may say otherwise."""

    build: Annotated[
        Build | None,
        Meta(description="how the image is built; default: the Dockerfile beside this file"),
    ] = None
    image: Annotated[
        str | None, Meta(description="an image that exists already, instead of `build`")
    ] = None
    port: Annotated[
        Port | None, Meta(description="where the container listens; absent: a worker")
    ] = None
    command: Annotated[
        tuple[str, ...] | None, Meta(description="instead of the image's own command")
    ] = None
    env: Annotated[
        dict[Variable, str], Meta(description="plain variables; merged over lower layers by name")
    ] = {}
    env_file: Annotated[
        tuple[str, ...],
        Meta(description="dotenv files with plain values, below this file's folder; `env` wins"),
    ] = ()
    secrets: Annotated[
        dict[Variable, str],
        Meta(description="variable: where the target's secret manager keeps it; merged by name"),
    ] = {}
    health: Annotated[Health, Meta(description="when a container counts as healthy")] = Health()
    verify: Annotated[
        Proof, Meta(description="how the promise is proven; a worker is always `platform`")
    ] = Proof.OUTSIDE
    resources: Annotated[Resources, Meta(description="what one container may use")] = Resources()
    scale: Annotated[Scale, Meta(description="how many containers run")] = Scale()
    release: Annotated[
        ReleaseCommand | None,
        Meta(description="run once on the new image before any traffic moves, as a migration"),
    ] = None
    rollout: Annotated[Rollout, Meta(description="how traffic moves")] = Rollout()
    volumes: Annotated[
        dict[Name, Mount], Meta(description="named volume: path in the container, `:ro` to read")
    ] = {}
    stop_grace: Annotated[
        Seconds, Meta(description="from the signal to stop to the end by force")
    ] = Seconds(30)


class Service(Overrides, frozen=True):
    """One container image that runs and answers."""

    depends_on: Annotated[
        tuple[Name, ...], Meta(description="services that must be healthy first")
    ] = ()


class Target(Noun, frozen=True):
    """A place in an environment: a provider, its options, and overrides."""

    provider: Annotated[
        Name, Meta(description="which one: its options are keys of the same mapping")
    ]
    name: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9]([\w-]{0,61}[A-Za-z0-9])?$")] | None,
        Meta(
            description="the service's name there; adopts an existing one; "
            "default: app-service-environment",
            extra=_PLATFORM_NAME,
        ),
    ] = None
    services: Annotated[
        Blocks,
        Meta(description="keys of this target for one service only", extra={"block": "override"}),
    ] = {}


class Window(Noun, frozen=True, rename={"for_": "for", "from_": "from"}):
    """A time: `cron` and `for`, again and again; or `from` and `to`, once."""

    cron: Annotated[
        str | None,
        Meta(description="when it opens: minute hour day month weekday", extra={"check": "cron"}),
    ] = None
    for_: Annotated[Seconds | None, Meta(description="how long it stays open")] = None
    from_: Annotated[Moment | None, Meta(description="first day or moment")] = None
    to: Annotated[
        Moment | None, Meta(description="last day, all of it; or the moment it ends")
    ] = None
    timezone: Annotated[
        str, Meta(description="IANA name, as Europe/Berlin", extra={"check": "timezone"})
    ] = "UTC"
    reason: Annotated[str | None, Meta(description="shown where the window decides")] = None


class Check(Noun, frozen=True):
    """A gate outside deployer: an address or a program. Without an answer it does not pass."""

    http: Annotated[
        Annotated[
            str, Meta(pattern=r"^https?://\S+$", extra={"shape": "an address, as https://…"})
        ]
        | None,
        Meta(description="address to ask"),
    ] = None
    expect: Annotated[int, Meta(ge=100, le=599, description="status that passes")] = 200
    run: Annotated[tuple[str, ...] | None, Meta(description="program and arguments; 0 passes")] = (
        None
    )
    timeout: Annotated[Seconds, Meta(description="no answer by then: the gate blocks")] = Seconds(
        30
    )


class Watch(Noun, frozen=True, rename={"for_": "for"}):
    """How long a promoted release is watched, and what follows."""

    for_: Annotated[Seconds, Meta(description="how long after traffic moved")] = Seconds(600)
    on_fail: Annotated[Literal["rollback", "hold"], Meta(description="when it fails")] = "rollback"
    on_inconclusive: Annotated[
        Literal["rollback", "hold"], Meta(description="when no answer can be had")
    ] = "hold"


class Promote(Noun, frozen=True, rename={"from_": "from"}):
    """The rules by which a release enters an environment. No variables: the same for everybody."""

    from_: Annotated[
        Name | tuple[Name, ...], Meta(description="environment, or list, that proves it first")
    ]
    require: Annotated[
        Literal["all", "any"], Meta(description="which of several `from` must have proven it")
    ] = "all"
    soak: Annotated[Seconds, Meta(description="healthy there for this long")] = Seconds(0)
    select: Annotated[
        Literal["newest-eligible", "match-upstream"],
        Meta(description="which release is taken when none is named"),
    ] = "newest-eligible"
    approval: Annotated[int, Meta(ge=0, le=10, description="approvals needed")] = 0
    allow: Annotated[
        tuple[Window, ...], Meta(description="only in one of these times; none: always")
    ] = ()
    deny: Annotated[
        tuple[Window, ...], Meta(description="never in these; stronger than allow")
    ] = ()
    min_interval: Annotated[Seconds, Meta(description="between two changes")] = Seconds(0)
    checks: Annotated[tuple[Check, ...], Meta(description="gates outside deployer")] = ()
    verify: Annotated[Watch | None, Meta(description="watch the release after it moved")] = None


class Environment(Noun, frozen=True):
    """Overrides of the app and of its targets, and the rules to enter it."""

    protected: Annotated[
        bool, Meta(description="must be named and confirmed; refuses dirty trees")
    ] = False
    promote: Annotated[Promote | None, Meta(description="how a release enters by promotion")] = (
        None
    )
    targets: Annotated[
        Blocks,
        Meta(
            description="where it runs, with overrides; absent: all targets of the file",
            extra={"block": "target"},
        ),
    ] = {}
    services: Annotated[
        Blocks, Meta(description="overrides for one service only", extra={"block": "override"})
    ] = {}


class File(Noun, frozen=True):
    """The file itself. Keys that start with `x-` are yours: a place for YAML anchors."""

    app: Annotated[Name, Meta(description="what this file describes")]
    service: Annotated[
        Name | None, Meta(description="the only service; default: the app's name")
    ] = None
    services: Annotated[
        Blocks, Meta(description="several services by name", extra={"block": "service"})
    ] = {}
    targets: Annotated[
        Blocks, Meta(description="places to run, by name", extra={"block": "target"})
    ] = {}
    environments: Annotated[
        Blocks,
        Meta(
            description="by name; where none is declared there is one, `default`",
            extra={"block": "environment"},
        ),
    ] = {}
    state: Annotated[
        Annotated[str, Meta(pattern=r"^(s3|gs|az|file)://\S+$", extra=_STATE)] | None,
        Meta(description="where records are kept; optional for ship and rollback, gates need it"),
    ] = None


EXCLUSIVE: dict[type, tuple[tuple[str, ...], ...]] = {
    Overrides: (("build", "image"),),
    Service: (("build", "image"),),
    Health: (("path", "command"),),
    Rollout: (("stages", "canary", "linear"),),
    Window: (("cron", "from"),),
    Check: (("http", "run"),),
    File: (("service", "services"),),
}
NOUNS: dict[type, str] = {
    Overrides: "a service",
    Service: "a service",
    Target: "a target",
    Environment: "an environment",
    File: "the file",
    Window: "a window",
    Check: "a check",
    Promote: "`promote`",
    Watch: "`verify`",
    Build: "`build`",
    Health: "`health`",
    Resources: "`resources`",
    Scale: "`scale`",
    ReleaseCommand: "`release`",
    Rollout: "`rollout`",
}
