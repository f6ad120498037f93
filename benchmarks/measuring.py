"""Measuring: a child's CPU and wall time, medians, and the rows of the table."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """What one child process took, in seconds."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Row:
    """One line of the table; `holds` is None where the contract has no bar for it."""

    what: str
    ours: str
    beside: str
    result: str
    bar: str = "-"
    holds: bool | None = None


def child(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Usage:
    """Run to the end, silently. CPU is the child's own and that of its waited-for children."""
    began = time.perf_counter()
    devnull = subprocess.DEVNULL
    process = subprocess.Popen(
        command, cwd=cwd, env=env, stdin=devnull, stdout=devnull, stderr=devnull
    )
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"`{command[-2]} {command[-1]}` ended with {process.returncode}")
    return Usage(cpu=used.ru_utime + used.ru_stime, wall=wall)


def alternating(rounds: int, *sides: Callable[[int], float]) -> list[list[float]]:
    """Every side once a round, the first side taking turns; the results by side."""
    results: list[list[float]] = [[] for _ in sides]
    for round in range(rounds):
        order = range(len(sides)) if round % 2 == 0 else reversed(range(len(sides)))
        for side in order:
            results[side].append(sides[side](round))
    return results


def ratio(what: str, ours: float, other: str, theirs: float, bar: float | None) -> Row:
    """A row that compares by a factor: `ours` may be at most `bar` times `theirs`."""
    return Row(
        what=what,
        ours=f"{ours:.3f} s",
        beside=f"{other} {theirs:.3f} s",
        result=f"x {ours / theirs:.2f}",
        bar="-" if bar is None else f"≤ x {bar:.2f}",
        holds=None if bar is None else ours <= bar * theirs,
    )


def overhead(what: str, ours: float, other: str, theirs: float) -> Row:
    """A row that compares by difference: the larger of 5 % and 2 s is allowed."""
    bar = max(0.05 * theirs, 2.0)
    return Row(
        what=what,
        ours=f"{ours:.2f} s",
        beside=f"{other} {theirs:.2f} s",
        result=f"{ours - theirs:+.2f} s (x {ours / theirs:.2f})",
        bar=f"≤ +{bar:.1f} s",
        holds=ours - theirs <= bar,
    )


def printed(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    marks = {True: "holds", False: "**missed**", None: "-"}
    lines = ["| what | deployer | beside | result | bar | |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {r.what} | {r.ours} | {r.beside} | {r.result} | {r.bar} | {marks[r.holds]} |"
        for r in rows
    ]
    return "\n".join(lines)
