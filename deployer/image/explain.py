"""Why a build failed: signs in the builder's output, each with its cause and the way out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deployer.errors import (
    AuthError,
    BuildError,
    ConfigError,
    DeployerError,
    RegistryError,
    Transient,
)
from deployer.image.dockerfile import parse_dockerfile
from deployer.image.progress import Progress
from deployer.registry.reference import parse


@dataclass(frozen=True, slots=True)
class Sign:
    """A pattern in the output, what it means, and what to do. The first that matches counts."""

    pattern: str
    what: str
    why: str
    fix: str
    kind: type[DeployerError] = BuildError


DISK_FULL = Sign(
    r"no space left on device",
    "the disk is full",
    "the engine or the builder found no room for a layer",
    "docker system df shows what takes it; docker builder prune frees the build cache",
)
WRONG_PLATFORM = Sign(
    r"exec format error|no match for platform|does not match the specified platform|"
    r"multiple platforms feature is currently not supported",
    "the build is for a platform that this builder does not have",
    "the base image or the builder is of another architecture, and there is no emulation",
    "set build.platform, take a base for it, or install emulation: docker run --privileged "
    "--rm tonistiigi/binfmt --install all",
)
SIGNS = (
    DISK_FULL,
    Sign(
        r"cannot connect to the docker daemon|docker daemon is not running|"
        r"dial unix \S+: connect|error during connect",
        "the Docker engine does not answer",
        "it is not running, or DOCKER_HOST points elsewhere",
        "start it (systemctl start docker, or Docker Desktop), or correct DOCKER_HOST",
    ),
    Sign(
        r"failed to dial gRPC|failed to receive status|server did not provide an image ID|"
        r"error reading from server|transport is closing|code = Unavailable|"
        r"rpc error: .*(?:EOF|connection reset|broken pipe)",
        "the Docker engine went away during the build",
        "the connection to it broke; it was stopped, or ran out of memory",
        "look at the engine's log (journalctl -u docker), then run the same again",
    ),
    Sign(
        r"permission denied while trying to connect|dial unix .* permission denied",
        "this user may not talk to the Docker engine",
        "the engine's socket belongs to the group `docker`",
        "sudo usermod -aG docker $USER, then log in again",
    ),
    WRONG_PLATFORM,
    Sign(
        r"cache export (?:feature )?is (?:currently )?not supported",
        "this builder cannot export its cache",
        "the engine's own builder can do so only with the containerd image store",
        "docker buildx create --use, or remove the cache from the build",
    ),
    Sign(
        r"push access denied|insufficient_scope|denied: |authorization failed|"
        r"no basic auth credentials|unauthorized:? ",
        "a registry refused an image",
        "the login for it is missing, expired, or lacks the permission",
        "docker login for the registry named below, or grant the permission",
        AuthError,
    ),
    Sign(
        r"i/o timeout|TLS handshake timeout|Temporary failure in name resolution",
        "the network failed",
        "a host did not answer in time",
        "run the same again",
        Transient,
    ),
    Sign(
        r"failed to resolve source metadata|load metadata for|pull access denied|"
        r"failed to do request: (?:Head|Get) \S+/manifests/|"
        r"manifest unknown|: not found: not found$",
        "a base image cannot be pulled",
        "its registry does not have it, or cannot be reached from the engine",
        "check its name in FROM, the network, and the login to its registry",
    ),
    Sign(
        r"failed to push|failed to do request: (?:Put|Post|Patch)|unexpected status.*uploads",
        "the image was built, but could not be pushed",
        "the registry broke the upload off",
        "run the same again; what is there already is not sent twice",
        RegistryError,
    ),
    Sign(
        r"Dockerfile cannot be empty|file with no instructions",
        "the Dockerfile is empty",
        "there is no instruction in it",
        "write one; `deployer init` shows what is found here",
    ),
    Sign(
        r"dockerfile parse error|unknown instruction|failed to parse",
        "the Dockerfile cannot be read",
        "its syntax is wrong",
        "correct the line",
    ),
    Sign(
        r"failed to (?:compute cache key|calculate checksum)|\S+: not found",
        "a file that the Dockerfile copies is not in the build context",
        "it does not exist, or .dockerignore leaves it out",
        "correct the path, or add an exception (`!path`) to .dockerignore",
    ),
    Sign(
        r"target stage .* could not be found|failed to reach build target",
        "the Dockerfile has no such stage",
        "build.target names a stage that is not there",
        "correct build.target",
    ),
)


_UNENCRYPTED = Sign(
    r"server gave HTTP response to HTTPS client|first record does not look like a TLS handshake",
    "the registry does not speak TLS",
    "it answered something else on an encrypted connection",
    "check its port; plain HTTP is used for registries on this machine only",
    RegistryError,
)
_NOT_PUSHED = Sign(
    "",
    "the image was built, but could not be pushed",
    "the registry, or the way to it, failed as the last line says",
    "look at the registry's own log, then run the same again: what is there is not sent twice",
    RegistryError,
)


def explain(progress: Progress, dockerfile: Path, status: int) -> DeployerError:
    """The error for a failed build: the sign's words, the Dockerfile's line, the last lines."""
    where, evidence = _where(progress, dockerfile), progress.evidence
    said = "\n".join(evidence)
    code = re.search(r"exit code: (\d+)", "\n".join(progress.tail))
    if code and (step := progress.failing_step):
        # a command's own words could match any sign; only these two are beyond doubt
        sign = _first((DISK_FULL, WRONG_PLATFORM), said) or _ended(step, int(code[1]))
    elif progress.pushing:
        ours = (sign for sign in SIGNS if sign.kind is not BuildError)
        sign = _first((_UNENCRYPTED, *ours), said) or _NOT_PUSHED
    else:
        # the failing step by name tells too, but no other: every build says `load metadata for`
        texts = (progress.failing_step, *progress.errors, said)
        sign = _first(SIGNS, "\n".join(texts)) or _unknown(status)
    return sign.kind(sign.what, where=where, why=sign.why, evidence=evidence, fix=sign.fix)


def line_of(step: str, text: str) -> int:
    """The Dockerfile's line of a step named `[stage 2/5] RUN make`, or `[internal] load metadata
    for IMAGE`; 0 if it cannot be told."""
    parsed = parse_dockerfile(text)
    if image := re.match(r"\[internal\] load metadata for (\S+)", step):
        return next((base.line for base in parsed.bases() if _same_image(base.name, image[1])), 0)
    words = re.sub(r"^\[[^\]]*\]\s*", "", step)
    keyword, _, rest = words.partition(" ")
    wanted = "".join(re.sub(r"--\S+", "", rest).split())[:60]
    for each in parsed.instructions:
        if each.keyword == keyword and wanted and "".join(each.value.split()).startswith(wanted):
            return each.line
    return 0


def _first(signs: Sequence[Sign], text: str) -> Sign | None:
    flags = re.IGNORECASE | re.MULTILINE
    return next((sign for sign in signs if re.search(sign.pattern, text, flags)), None)


def _ended(step: str, code: int) -> Sign:
    killed = " (killed, usually for lack of memory)" if code == 137 else ""
    fix = "give the engine more memory" if killed else "correct the command, or what it misses"
    return Sign("", "the build failed", f"`{step}` ended with exit code {code}{killed}", fix)


def _unknown(status: int) -> Sign:
    why = f"the builder ended with status {status}"
    return Sign("", "the build failed", why, "the lines above are all that it said")


def _same_image(name: str, other: str) -> bool:
    try:
        return parse(name, default_tag="latest") == parse(other, default_tag="latest")
    except ConfigError:
        return False


def _where(progress: Progress, dockerfile: Path) -> str:
    try:
        line = progress.line or line_of(progress.failing_step, dockerfile.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        line = progress.line
    return f"{dockerfile}:{line}" if line else str(dockerfile)
