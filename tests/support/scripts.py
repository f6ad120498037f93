"""The scripts below scripts/lib, called as people and CI call them."""

import os
import subprocess
from pathlib import Path

LIB = Path(__file__).parents[2] / "scripts" / "lib"


class ScriptFailed(Exception):
    """What the script said on standard error."""


def script(name: str, *arguments: str, **env: str) -> str:
    """Runs `scripts/lib/NAME`; the last line of its output. Raises ScriptFailed."""
    command = [str(LIB / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | env)
    if done.returncode:
        raise ScriptFailed(f"scripts/lib/{name}: {done.stderr.strip()}")
    return (done.stdout.splitlines() or [""])[-1]
