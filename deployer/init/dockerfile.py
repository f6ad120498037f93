"""What a Dockerfile says about the container: its last stage, port, health check and user."""

from __future__ import annotations

import re

from msgspec import Struct

from deployer.quantity import DURATION

_FLAG = re.compile(r"--(interval|timeout|start-period|retries)=(\S+)")
_PATH = re.compile(r"https?://[\w.\-\[\]:$\{\}]*?(?::[\w$\{\}]+)?(/[\w./-]*)")
_RELEASE = re.compile(r"alembic\s+upgrade|manage\.py\s+migrate|flask\s+db\s+upgrade")


class Dockerfile(Struct, frozen=True, kw_only=True):
    """The facts of the stage that a build ends with."""

    port: str | None = None
    stages: tuple[str, ...] = ()
    health_path: str | None = None
    timings: dict[str, str] = {}
    user: str | None = None
    migrates: bool = False


def parse(text: str) -> Dockerfile:
    """Facts of `text`; what it does not say is None."""
    lines = _instructions(text)
    last = lines[_last_from(lines) :]
    health = _argument(last, "HEALTHCHECK")
    return Dockerfile(
        port=_port(_argument(last, "EXPOSE")),
        stages=tuple(_stage(rest) for word, rest in lines if word == "FROM" and _stage(rest)),
        health_path=_health_path(health),
        timings=_timings(health),
        user=_argument(last, "USER"),
        migrates=bool(_RELEASE.search(" ".join(rest for word, rest in last if word != "RUN"))),
    )


def _instructions(text: str) -> list[tuple[str, str]]:
    joined = re.sub(r"\\[ \t]*\n(\s*#.*\n)*", " ", text.replace("\r\n", "\n"))
    parts = (line.strip().partition(" ") for line in joined.split("\n"))
    return [(word.upper(), rest.strip()) for word, _, rest in parts if word and word[0] != "#"]


def _last_from(lines: list[tuple[str, str]]) -> int:
    return max((i for i, (word, _) in enumerate(lines) if word == "FROM"), default=0)


def _argument(lines: list[tuple[str, str]], word: str) -> str | None:
    found = [rest for name, rest in lines if name == word]
    return found[-1] if found else None


def _stage(rest: str) -> str:
    match = re.search(r"\sas\s+(\S+)\s*$", rest, re.IGNORECASE)
    return match[1] if match else ""


def _port(rest: str | None) -> str | None:
    match = re.match(r"(\d{1,5})(/tcp)?(\s|$)", rest or "", re.ASCII)
    return match[1] if match and 1 <= int(match[1]) <= 65535 else None


def _health_path(rest: str | None) -> str | None:
    match = _PATH.search(rest or "")
    return match[1] if match else None


def _timings(rest: str | None) -> dict[str, str]:
    """Docker's flags as our keys; what we could not read again is left out."""
    found = {}
    for name, value in _FLAG.findall(rest or ""):
        pattern = r"[1-9]\d{0,3}" if name == "retries" else DURATION
        if re.fullmatch(pattern, value, re.ASCII) and len(value) < 10 and value.strip("0.smhd"):
            found[name.replace("-", "_")] = value
    return found
