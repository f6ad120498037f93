"""What `scripts/demo` shows: `python -m scripts.lib.tour BASE_IMAGE` from the project's folder.

Every claim is checked; the first that does not hold ends the tour with status 1.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.load import load
from tests.support.ports import free_port

EXAMPLE = Path("examples/flask-backend")
GIT = ("git", "-c", "user.name=demo", "-c", "user.email=demo@localhost")
INDEX_KEYS = ("index-url", "extra-index-url", "trusted-host", "find-links")


class Broken(Exception):
    """A claim that does not hold."""


class Tour:
    """The example in a folder of its own, under a name and on a port nobody uses."""

    def __init__(self, folder: Path, base: str) -> None:
        self.folder, self.port = folder, free_port()
        self.app = f"demo-{secrets.token_hex(3)}"
        self.url = f"http://127.0.0.1:{self.port}/api/health"
        shutil.copytree(EXAMPLE, folder)
        self.replace("deployer.yaml", "app: tasks", f"app: {self.app}")
        self.replace("deployer.yaml", "publish: 8080", f"publish: {self.port}")
        build = {"context": ".", "args": {"BASE": base}} | self.pip_settings()
        self.replace("deployer.yaml", "build: {context: .}", f"build: {json.dumps(build)}")
        self.run("git", "init", "--quiet")
        self.commit("First version")

    def replace(self, name: str, old: str, new: str) -> None:
        """Edit one file of the example; `old` must be there."""
        path = self.folder / name
        text = path.read_text()
        check(old in text, f"{name} of the example has no line {old!r}")
        path.write_text(text.replace(old, new))

    def pip_settings(self) -> dict[str, object]:
        """This machine's package index, where one is configured, for pip inside the build."""
        lines = index_settings()
        if not lines:
            return {}
        settings = self.folder.parent / "pip.conf"  # beside the context, never in it
        settings.touch(mode=0o600)
        settings.write_text("\n".join(["[global]", *lines, ""]))
        return {"secrets": {"pip_conf": f"file:{settings}"}}

    def commit(self, message: str) -> None:
        self.run(*GIT, "add", "--all")
        self.run(*GIT, "commit", "--quiet", "-m", message)

    def run(self, *command: str) -> int:
        """Run in the example's folder, showing everything; the exit code."""
        return subprocess.run(command, cwd=self.folder, stdin=subprocess.DEVNULL).returncode

    def deployer(self, *arguments: str, expect: tuple[int, ...] = (0,)) -> None:
        say(f"\n$ deployer {' '.join(arguments)}")
        code = self.run("deployer", *arguments)
        check(code in expect, f"deployer {arguments[0]} ended with {code}, not {expect}")

    def serves(self, version: str) -> None:
        """Ask the application itself, from outside."""
        with urllib.request.urlopen(self.url, timeout=10) as answer:  # noqa: S310 # http, ours
            body = json.load(answer)
        say(f"\n$ curl {self.url}\n{json.dumps(body)}")
        check(body["version"] == version, f"{version} should serve, not {body['version']}")

    @contextmanager
    def requests_running(self) -> Iterator[None]:
        """Requests from four threads during the block; not one may fail."""
        with load(self.url) as hits:
            yield
        say(f"\n{hits.ok} requests meanwhile, {hits.failed} failed {dict(hits.errors) or ''}")
        check(hits.ok > 0 and not hits.failed, "a request failed while versions changed")

    def clean_up(self) -> None:
        """Remove what the tour created, whatever happened."""
        self.run("deployer", "destroy", "--yes")
        images = ("docker", "image", "ls", "--quiet", "--filter", f"reference=*{self.app}*")
        listed = subprocess.run(images, capture_output=True, text=True).stdout.split()
        if listed:
            subprocess.run(["docker", "image", "rm", "--force", *set(listed)], capture_output=True)


def tour(demo: Tour) -> None:
    """The steps, in order."""
    title("1. Ship: build, start, check from outside, then serve")
    demo.deployer("ship", "--yes")
    demo.serves("1.0.0")

    title("2. Ship a change while requests are running")
    demo.replace("app/__init__.py", 'VERSION = "1.0.0"', 'VERSION = "1.1.0"')
    demo.commit("Second version")
    with demo.requests_running():
        demo.deployer("ship", "--yes")
    demo.serves("1.1.0")

    title("3. Ship a version that cannot start: explained, and never in the way")
    demo.replace("app/__init__.py", 'VERSION = "1.1.0"', 'VERSION = os.environ["RELEASE_NAME"]')
    demo.commit("A version that needs a variable nobody set")
    with demo.requests_running():
        demo.deployer("ship", "--yes", expect=(3, 5))
    demo.serves("1.1.0")

    title("4. Roll back by hand, with requests running")
    with demo.requests_running():
        demo.deployer("rollback", "--yes")
    demo.serves("1.0.0")

    title("5. What happened")
    demo.deployer("status")
    demo.deployer("releases")


def index_settings() -> list[str]:
    """pip's settings about where packages come from, as lines of a pip.conf."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True).stdout
    settings = dict(re.findall(r"^[^.\s]+\.([\w-]+)='(.*)'$", listed, re.M))
    remote = {key: value for key, value in settings.items() if "/" not in value or "://" in value}
    return [f"{key} = {value}" for key, value in remote.items() if key in INDEX_KEYS]


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def title(text: str) -> None:
    say(f"\n{'=' * len(text)}\n{text}\n{'=' * len(text)}")


def check(holds: bool, claim: str) -> None:
    if not holds:
        raise Broken(claim)


def main(base: str) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="deployer-demo-") as folder:
        demo = Tour(Path(folder) / "tasks", base)
        try:
            tour(demo)
        except Broken as broken:
            say(f"\nThe demo failed: {broken}")
            return 1
        finally:
            title("Cleaning up")
            demo.clean_up()
    say(f"\nAll of it held, in {time.monotonic() - began:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
