"""The real command line, as a subprocess."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
START = (
    "from deployer.cli.main import main; import sys; sys.argv[0] = 'deployer'; sys.exit(main())"
)


@dataclass(frozen=True)
class Result:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON document."""
        return json.loads(self.out)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Standard output or error as `--events ndjson` writes it: every line that is JSON."""
        lines = (self.out + self.err).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


class Command:
    """`cli("ship", "--yes", cwd=…)` runs to the end; `cli.start(…)` returns the process."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(
        self,
        *arguments: str,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        timeout: float = 180,
    ) -> Result:
        """Runs without a terminal. Raises TimeoutExpired, with the output so far, at `timeout`."""
        process = self.start(*arguments, cwd=cwd, env=env)
        with process:
            try:
                out, err = process.communicate(stdin, timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
                raise AssertionError(f"still running after {timeout} s:\n{out}\n{err}") from None
        return Result(process.returncode, out, err)

    def start(
        self, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """The running process, in its own group: signal it as a terminal or a CI system would."""
        return subprocess.Popen(
            [sys.executable, "-c", START, *arguments],
            cwd=cwd,
            env=self.environment() | dict(env or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def environment(self) -> dict[str, str]:
        """Ours without DEPLOYER_*, CI and terminal settings; HOME is an empty folder."""
        unwanted = ("DEPLOYER_", "GITHUB_", "CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(unwanted)}
        sources = [ROOT, ROOT / "providers", ROOT / "pipelines"]
        path = os.pathsep.join(map(str, sources))
        return kept | {"HOME": str(self.home), "PYTHONPATH": path}


def interrupt(process: subprocess.Popen[str], number: int = signal.SIGINT) -> Result:
    """Sends a signal and waits for the end."""
    process.send_signal(number)
    with process:
        out, err = process.communicate(timeout=30)
    return Result(process.returncode, out, err)
