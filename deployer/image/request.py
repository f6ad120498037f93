"""What to build, as data, and the command line that asks for it: nothing here runs anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deployer.errors import BuildError, ConfigError
from deployer.image.builder import Builder, Kind
from deployer.registry.reference import Tagged
from deployer.secret import Secret

SECRET_NAME = re.compile(
    r"(?i)(?:^|_)(?:secret|token|passw(?:or)?d|passphrase|credentials?|api_?key|private_?key"
    r"|access_?key|auth_?key)(?:$|_)"
)


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One build. `dockerfile` is relative to `context`; `platform` as `linux/amd64`.

    With `push` every tag is pushed; without it the image stays in the engine. `secrets` are
    BuildKit's, by id; `ssh` its `--ssh` values; `cache_from` and `cache_to` as buildx takes them;
    `source_date_epoch` in seconds since 1970. `attest` adds provenance and an SBOM, which gives a
    new digest on each build (moby/buildkit#5894).
    """

    context: Path
    dockerfile: Path = Path("Dockerfile")
    tags: tuple[Tagged, ...] = ()
    target: str | None = None
    platform: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    ssh: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    source_date_epoch: int | None = None
    push: bool = True
    attest: bool = False

    @property
    def file(self) -> Path:
        """The Dockerfile's whole path."""
        return self.context / self.dockerfile


def check_request(request: BuildRequest, builder: Builder) -> None:
    """Nothing, or the error for what must not or cannot be built this way."""
    for name in request.args:
        if SECRET_NAME.search(name):
            raise _secret_argument(name)
    if request.push and not request.tags:
        raise ConfigError(
            "there is no name to push the image under",
            why="a pushed image needs a tag",
            fix="give the build a tag, or build without pushing",
        )
    if builder.kind is Kind.CLI and (request.cache_to or request.attest):
        raise _needs_buildx("attest" if request.attest else "cache_to", builder)


def arguments(request: BuildRequest, builder: Builder, scratch: Path) -> list[str]:
    """The command line. `scratch` is our private folder: secrets as files under `secrets/`, and
    where the builder writes `metadata.json` and `image-id`."""
    pairs = [
        *_each("--build-arg", _pairs(_args(request))),
        *_each("--label", _pairs(request.labels)),
        *_each("--secret", [f"id={id},src={scratch / 'secrets' / id}" for id in request.secrets]),
        *_each("--ssh", request.ssh),
        *_each("--cache-from", request.cache_from),
        *_each("--cache-to", request.cache_to),
        *_each("--tag", [str(tag) for tag in request.tags]),
    ]
    return [
        str(builder.program),
        "build",
        "--progress=plain",
        f"--file={request.file}",
        *([f"--target={request.target}"] if request.target else []),
        *([f"--platform={request.platform}"] if request.platform else []),
        *pairs,
        *_outputs(request, builder, scratch),
        str(request.context),
    ]


def _outputs(request: BuildRequest, builder: Builder, scratch: Path) -> list[str]:
    if builder.kind is Kind.CLI:
        return [f"--iidfile={scratch / 'image-id'}"]
    found = [
        f"--provenance={'mode=max' if request.attest else 'false'}",
        f"--sbom={'true' if request.attest else 'false'}",
        f"--metadata-file={scratch / 'metadata.json'}",
        f"--iidfile={scratch / 'image-id'}",
    ]
    # media types differ between exporters otherwise, and the digest with them
    where = "type=image,push=true,oci-mediatypes=true"
    return [*found, f"--output={where}" if request.push else "--load"]


def _args(request: BuildRequest) -> dict[str, str]:
    if request.source_date_epoch is None:
        return dict(request.args)
    return {"SOURCE_DATE_EPOCH": str(request.source_date_epoch), **request.args}


def _each(option: str, values: list[str] | tuple[str, ...]) -> list[str]:
    return [f"{option}={value}" for value in values]


def _pairs(mapping: Mapping[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in mapping.items()]


def _secret_argument(name: str) -> ConfigError:
    return ConfigError(
        f"the build argument `{name}` looks like a secret",
        where="build.args",
        why="build arguments stay readable in the image's history and in process lists",
        fix=f"move it to build.secrets, and read it with "
        f"`RUN --mount=type=secret,id={name.lower()} …`",
    )


def _needs_buildx(option: str, builder: Builder) -> BuildError:
    return BuildError(
        f"`{option}` needs Docker's buildx plugin",
        why=f"{builder.program} ({builder.version}) builds with BuildKit, but cannot do this",
        fix=f"install docker-buildx, or remove `{option}`",
    )
