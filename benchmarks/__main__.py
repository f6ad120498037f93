"""`python -m benchmarks [startup] [shipping] [--rounds N]` prints a table: docs/benchmarks.md."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import shipping, startup
from benchmarks.measuring import Row, printed
from tests.support.project import Project

PARTS = ("startup", "shipping")


def main() -> int:
    """Measure, print, remove what was made."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help="startup or shipping; default: both"
    )
    parser.add_argument("--rounds", type=int, default=5, help="of shipping; default 5")
    given = parser.parse_args()
    unknown = set(given.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    parts, began = given.parts or PARTS, time.monotonic()
    rows: list[Row] = []
    if "startup" in parts:
        with tempfile.TemporaryDirectory(prefix="deployer-bench-") as folder:
            project = Project(Path(folder) / "hello", "hello", "python:3.11-slim", 8080)
            rows += startup.rows(project.folder, rounds=max(10, 3 * given.rounds))
    if "shipping" in parts:
        rows += shipping.rows(given.rounds)
    print(printed(rows))
    load = os.getloadavg()[0]
    where = f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}"
    print(f"\n{where}; {given.rounds} rounds, in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
