"""One build: from a request to a digest that the registry confirms, or an error that says why."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployer.errors import BuildError, RegistryError
from deployer.image.builder import Builder, Kind, choose
from deployer.image.child import Ended, run
from deployer.image.explain import explain
from deployer.image.progress import Progress
from deployer.image.request import BuildRequest, arguments, check_request
from deployer.registry.client import RegistryClient
from deployer.registry.login import DockerConfigLogins, Logins
from deployer.registry.private import private_config
from deployer.registry.reference import Digest, Tagged
from deployer.secret import Secret

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Built:
    """A pushed image: its digest, confirmed by the registry under every tag; the seconds taken."""

    digest: Digest
    tags: tuple[Tagged, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Loaded:
    """An image in the engine, never in a registry: `image_id` is no manifest's digest."""

    image_id: str
    tags: tuple[Tagged, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Tools:
    """What a build works with: the builder, the registries' client, the child's environment, and
    the time limit in seconds."""

    builder: Builder
    registry: RegistryClient
    environment: Mapping[str, str]
    timeout: float


def build(
    request: BuildRequest,
    progress: Callable[[str], None],
    *,
    logins: Logins | None = None,
    builder: Builder | None = None,
    registry: RegistryClient | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = HOUR,
) -> Built | Loaded:
    """The image that `request` describes: Built if it is pushed, Loaded if it stays here.

    `progress` gets each step and line as it happens. BuildError, AuthError or RegistryError say
    what failed and where. Ctrl-C, or an exception out of `progress`, ends the builder first.
    """
    given = dict(os.environ if environment is None else environment)
    logins = logins or DockerConfigLogins(given)
    builder = builder or choose(given)
    check_request(request, builder)
    started = time.monotonic()
    with private_config(_hosts(request), logins, given) as private, _scratch() as scratch:
        _write_secrets(scratch / "secrets", request.secrets)
        child = _without(private.environment, request.secrets.values())
        tools = Tools(builder, registry or RegistryClient(logins), child, timeout)
        _run_builder(request, tools, scratch, progress)
        if not request.push:
            image = _image_id(scratch)
            return Loaded(image, request.tags, time.monotonic() - started)
        digest = _published(request, tools, scratch, progress)
    return Built(digest, request.tags, time.monotonic() - started)


def _hosts(request: BuildRequest) -> list[str]:
    return [tag.repository.host for tag in request.tags] if request.push else []


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder that only we can read (0700), gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="deployer-build-") as name:
        yield Path(name)


def _write_secrets(folder: Path, secrets: Mapping[str, Secret]) -> None:
    folder.mkdir(mode=0o700)
    for name, secret in secrets.items():
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", name) or name in (".", ".."):
            raise BuildError(
                f"`{name}` is not an id for a build secret",
                where="build.secrets",
                why="an id has letters, digits, `_`, `.` and `-`",
                fix="rename it here and in `RUN --mount=type=secret,id=…`",
            )
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(secret.reveal().encode())


def _without(environment: Mapping[str, str], secrets: Iterable[Secret]) -> dict[str, str]:
    """The environment without the variables that the build's secrets came from."""
    values = {secret.reveal() for secret in secrets}
    kept = {key: value for key, value in environment.items() if value not in values}
    return {**kept, "DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}


def _run_builder(
    request: BuildRequest, tools: Tools, scratch: Path, show: Callable[[str], None]
) -> None:
    seen = Progress()
    argv = arguments(request, tools.builder, scratch)
    ended = _run(argv, tools, seen, show)
    if ended.late:
        raise _too_slow(tools.timeout, seen)
    if ended.status != 0:
        raise explain(seen, request.file, ended.status)


def _run(argv: list[str], tools: Tools, seen: Progress, show: Callable[[str], None]) -> Ended:
    def line(text: str) -> None:
        shown = seen.feed(text)
        if shown is not None:
            show(shown)

    try:
        return run(argv, tools.environment, line, tools.timeout)
    except OSError as error:
        raise BuildError(
            f"`{argv[0]}` does not run",
            why=error.strerror or str(error),
            fix="install docker-buildx again",
        ) from error


def _image_id(scratch: Path) -> str:
    try:
        return (scratch / "image-id").read_text(encoding="utf-8").strip()
    except OSError as error:
        raise _silent_builder() from error


def _published(
    request: BuildRequest, tools: Tools, scratch: Path, show: Callable[[str], None]
) -> Digest:
    """The digest under which the image was pushed, the same from two sides: from whoever pushed,
    and from the registry."""
    if tools.builder.kind is Kind.BUILDX:
        said = _metadata_digest(scratch)
    else:
        said = _push_with_client(request, tools, _image_id(scratch), show)
    for tag in request.tags:
        found = tools.registry.resolve(tag)
        if found is None or found.digest != said:
            raise _mismatch(tag, said, found.digest if found else None)
    return said


def _metadata_digest(scratch: Path) -> Digest:
    try:
        facts = json.loads((scratch / "metadata.json").read_text(encoding="utf-8"))
        return Digest(facts["containerimage.digest"])
    except (OSError, ValueError, KeyError) as error:
        raise _silent_builder() from error


def _push_with_client(
    request: BuildRequest, tools: Tools, image: str, show: Callable[[str], None]
) -> Digest:
    for tag in request.tags:
        show(f"[push] {tag}")
        seen = Progress()
        ended = _run([str(tools.builder.docker), "push", str(tag)], tools, seen, show)
        if ended.late:
            raise _too_slow(tools.timeout, seen)
        if ended.status != 0:
            raise explain(seen, request.file, ended.status)
    return _digest_of_engine(tools, image, request.tags[0])


def _digest_of_engine(tools: Tools, image: str, tag: Tagged) -> Digest:
    """What the engine remembers of the push of exactly this image, whoever moved the tag since."""
    form = "{{json .RepoDigests}}"
    done = subprocess.run(
        [str(tools.builder.docker), "image", "inspect", "--format", form, image],
        capture_output=True,
        text=True,
        env=dict(tools.environment),
        check=False,
    )
    known = json.loads(done.stdout) if done.returncode == 0 else []
    ours = [entry for entry in known or [] if entry.startswith(f"{_familiar(tag)}@")]
    if not ours:
        raise RegistryError(
            f"the engine does not say under which digest it pushed {tag}",
            why=done.stderr.strip() or "the image has no digest for this repository",
            fix="run the same again; install docker-buildx if it stays",
        )
    return _newest(tools, tag, [Digest(entry.partition("@")[2]) for entry in ours])


def _newest(tools: Tools, tag: Tagged, known: list[Digest]) -> Digest:
    """One image may have been pushed in several forms; the registry says which one is there."""
    found = tools.registry.resolve(tag)
    return found.digest if found and found.digest in known else known[0]


def _familiar(tag: Tagged) -> str:
    """The repository as the engine writes it, Docker Hub's name left out."""
    return str(tag.repository).removeprefix("docker.io/").removeprefix("library/")


def _mismatch(tag: Tagged, said: str, found: str | None) -> RegistryError:
    return RegistryError(
        f"the registry does not have what was pushed as {tag}",
        why=f"pushed was {said}, there is {found or 'nothing'}; somebody else pushed the same "
        "tag, or the registry changes manifests",
        fix="run the same again, and let one build at a time use a tag",
    )


def _silent_builder() -> BuildError:
    return BuildError(
        "the builder does not say what it built",
        why="it ended well, but left no digest behind",
        fix="update docker-buildx",
    )


def _too_slow(timeout: float, seen: Progress) -> BuildError:
    return BuildError(
        f"the build took longer than {timeout:.0f} s, and was stopped",
        why=f"it was at `{next(reversed(seen.steps.values()), 'the start')}`",
        evidence=tuple(seen.tail),
        fix="raise --timeout, or make the step quicker; finished steps are cached",
    )
