"""CPU time of starting, beside `aws --version` as pip installs it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import Row, alternating, child, ratio
from tests.support.command import START

ROOT = Path(__file__).parents[1]
AWS = Path(os.environ.get("DEPLOYER_CACHE", ROOT / ".cache")) / "aws/bin/aws"


def environment() -> dict[str, str]:
    """Ours, with compiled modules allowed for both sides, and this checkout's sources."""
    dropped = ("PYTHONDONTWRITEBYTECODE", "DEPLOYER_CONFIG")
    sources = [ROOT, ROOT / "providers", ROOT / "pipelines"]
    kept = {key: value for key, value in os.environ.items() if key not in dropped}
    return kept | {"PYTHONPATH": os.pathsep.join(map(str, sources))}


def deployer(*arguments: str) -> list[str]:
    """The command line: the installed program, or the same entry point of this checkout."""
    program = Path(sys.executable).parent / "deployer"
    start = [str(program)] if program.exists() else [sys.executable, "-c", START]
    return [*start, *arguments]


def rows(project: Path, rounds: int) -> Iterator[Row]:
    """Help and the offline plan; the smallest CPU time of `rounds`, after one for the caches."""
    aws = str(AWS) if AWS.exists() else shutil.which("aws")
    if aws is None:
        raise RuntimeError("there is no `aws` to measure against: use scripts/bench")
    ours, theirs = environment(), {k: v for k, v in environment().items() if k != "PYTHONPATH"}

    def side(command: list[str], env: dict[str, str]) -> float:
        return child(command, project, env).cpu

    for command, bar in ((["--help"], 0.25), (["plan", "--offline"], 0.5)):
        side(deployer(*command), ours), side([aws, "--version"], theirs)
        mine, other = alternating(
            rounds,
            lambda _, command=command: side(deployer(*command), ours),  # type: ignore[misc]
            lambda _: side([aws, "--version"], theirs),
        )
        what = f"CPU of `deployer {' '.join(command)}`"
        yield ratio(what, min(mine), "`aws --version`", min(other), bar)
