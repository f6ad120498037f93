"""What a Dockerfile says about the container: its last stage, port, health check and user."""

from __future__ import annotations

import re

from msgspec import Struct

from deployer.image.dockerfile import Instruction, Stage, expand, parse_dockerfile
from deployer.quantity import DURATION

_FLAGS = ("interval", "timeout", "start-period", "retries")
_PATH = re.compile(r"https?://[^/\s\"']*(/[\w./-]*)")


class Container(Struct, frozen=True, kw_only=True):
    """The facts of the stage that a build ends with."""

    port: str | None = None
    stages: tuple[str, ...] = ()
    health_path: str | None = None
    timings: dict[str, str] = {}
    user: str | None = None


def container(text: str) -> Container:
    """Facts of `text`; what it does not say is None."""
    if not re.search(r"^\s*FROM\s", text, re.IGNORECASE | re.MULTILINE):
        return Container()  # half written: there is no stage to ask
    parsed = parse_dockerfile(text)
    chain = parsed.final()
    health = _last(chain, "HEALTHCHECK")
    return Container(
        port=_port(chain),
        stages=tuple(stage.name for stage in parsed.stages),
        health_path=_path(health),
        timings=_timings(health),
        user=_value(_last(chain, "USER")),
    )


def _last(chain: list[Stage], keyword: str) -> Instruction | None:
    """The instruction that counts: the last one of the nearest stage that has any."""
    for stage in chain:
        found = [one for one in stage.instructions if one.keyword == keyword]
        if found:
            return found[-1]
    return None


def _value(instruction: Instruction | None) -> str | None:
    return instruction.value.strip() if instruction else None


def _port(chain: list[Stage]) -> str | None:
    """EXPOSE, with variables as ENV and ARG set them."""
    lines = [one for stage in reversed(chain) for one in stage.instructions]
    known: dict[str, str] = {}
    for one in lines:
        if one.keyword in ("ENV", "ARG"):
            known |= dict(re.findall(r"(\w+)=[\"']?([^\s\"']+)", one.value))
    exposed = expand(_value(_last(chain, "EXPOSE")) or "", known)
    match = re.match(r"(\d{1,5})(/tcp)?(\s|$)", exposed, re.ASCII)
    return str(int(match[1])) if match and 1 <= int(match[1]) <= 65535 else None


def _path(health: Instruction | None) -> str | None:
    match = _PATH.search(health.value) if health else None
    return match[1] if match else None


def _timings(health: Instruction | None) -> dict[str, str]:
    """Docker's flags as our keys; what we could not read again is left out."""
    found = {}
    for flag in _FLAGS if health else ():
        value = health.flag(flag) if health else None
        pattern = r"[1-9]\d{0,3}" if flag == "retries" else DURATION
        if value and len(value) < 10 and re.fullmatch(pattern, value, re.ASCII):
            found[flag.replace("-", "_")] = value
    return {key: value for key, value in found.items() if value.strip("0.smhd")}
