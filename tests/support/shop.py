"""One application on the real engine, shipped by the real command line, seen from outside.

What a test claims is read here from Docker and from the URL, never from what `deployer` says.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.errors import APIError

from tests.support.command import Command, Result
from tests.support.project import HEALTH

ANSWER = re.compile(r"hello (\S+)")


@dataclass
class Shop:
    """`shop.write("2", env={…})`, `shop.ship()`, `shop.version()`.

    `image("2")` is the reference of an image that says that version; nothing is built by a ship
    unless a test writes `build:`.
    """

    app: str
    folder: Path
    port: int
    cli: Command
    engine: Any  # the SDK; its stubs contradict it
    image: Callable[[str], str]
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def name(self) -> str:
        """What deployer calls this scope on the engine."""
        return f"{self.app}-api"

    def config(
        self, version: str = "1", target: dict[str, Any] | None = None, **changes: Any
    ) -> dict[str, Any]:
        """A deployer.yaml as data; `changes` replace top-level keys, None leaves one out."""
        local = {"provider": "docker", "publish": self.port} | (target or {})
        made = {
            "app": self.app,
            "service": "api",
            "image": self.image(version),
            "port": 8000,
            "health": HEALTH,
            "targets": {"local": local},
        } | changes
        return {key: value for key, value in made.items() if value is not None}

    def write(
        self, version: str = "1", target: dict[str, Any] | None = None, **changes: Any
    ) -> Shop:
        """Writes deployer.yaml; JSON is YAML."""
        text = json.dumps(self.config(version, target, **changes), indent=2)
        (self.folder / "deployer.yaml").write_text(text)
        return self

    def run(self, *arguments: str, expect: int = 0, **env: str) -> Result:
        """One command; its end must be `expect`."""
        done = self.cli(*arguments, cwd=self.folder, env=self.environ | env)
        assert done.code == expect, f"exit {done.code}, not {expect}\n{done.out}\n{done.err}"
        return done

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """One command, under way."""
        return self.cli.start(*arguments, cwd=self.folder, env=self.environ | env)

    def ship(self, *arguments: str, expect: int = 0, **env: str) -> dict[str, Any]:
        """The report of one ship, by `--json`."""
        return self.report("ship", *arguments, expect=expect, **env)

    def status(self) -> dict[str, Any]:
        """What `status --json` says of the only target."""
        (found,) = self.run("status", "--json").json["targets"]
        return dict(found)

    def entries(self) -> list[dict[str, Any]]:
        """The recorded deployments, newest first."""
        (found,) = self.run("releases", "--json").json["targets"]
        return list(found["entries"])

    def rollback(self, *arguments: str, expect: int = 0, **env: str) -> dict[str, Any]:
        """The report of one rollback, by `--json`."""
        return self.report("rollback", *arguments, expect=expect, **env)

    def report(self, *arguments: str, expect: int = 0, **env: str) -> dict[str, Any]:
        """The only target's report in the document that a command prints."""
        document = self.run(*arguments, "--yes", "--json", expect=expect, **env).json
        assert document["exit_code"] == expect
        (report,) = document["targets"]
        return dict(report)

    def get(self, path: str = "/", port: int | None = None) -> str:
        """The body of an answer through the edge; raises for a status of 400 and above."""
        url = f"http://127.0.0.1:{port or self.port}{path}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return str(answer.read().decode())

    def version(self) -> str:
        """The version that answers."""
        found = ANSWER.match(self.get())
        assert found
        return found[1]

    def variables(self) -> dict[str, str]:
        """The environment of the process that answers, as it says itself."""
        return dict(json.loads(self.get("/env")))

    def containers(self, role: str = "app", *, running: bool = False) -> list[Any]:
        """Containers of this scope by role, newest first; `running` leaves stopped ones out."""
        labels = [f"deployer.scope={self.name}", f"deployer.role={role}"]
        return list(self.engine.containers.list(all=not running, filters={"label": labels}))

    def serving(self) -> Any:
        """The container whose process answers at the URL: told by its host name, not by us."""
        host = self.variables()["HOSTNAME"]
        return self.engine.containers.get(host)

    def release(self) -> str:
        """The release of the container that answers."""
        return str(self.serving().labels["deployer.release"])

    def left(self) -> dict[str, list[str]]:
        """Everything on the engine that carries this app's name or label, by kind."""
        label = {"label": f"deployer.app={self.app}"}
        found = {
            "containers": self.engine.containers.list(all=True, filters=label),
            "networks": self.engine.networks.list(filters={"name": self.app}),
            "volumes": self.engine.volumes.list(filters={"name": self.app}),
        }
        return {
            kind: sorted(str(one.name) for one in ones) for kind, ones in found.items() if ones
        }

    def clear(self) -> None:
        """Removes whatever `left` finds, at once."""
        remove_app(self.engine, self.app)


def remove_app(engine: Any, app: str) -> None:
    """Removes the containers, networks and volumes of one application, whoever made them."""
    mine = engine.containers.list(
        all=True, filters={"label": f"deployer.app={app}"}, ignore_removed=True
    )
    networks = engine.networks.list(filters={"name": app})
    volumes = engine.volumes.list(filters={"name": app})
    for thing, how in (
        *((container, {"force": True, "v": True}) for container in mine),
        *((network, {}) for network in networks),
        *((volume, {}) for volume in volumes),
    ):
        with suppress(APIError):
            thing.remove(**how)


def eventually(look: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What `look` gives as soon as it is true; fails with its last answer or error."""
    until, last = time.monotonic() + seconds, None
    while time.monotonic() < until:
        try:
            last = look()
        except (OSError, APIError) as error:
            last = error
        else:
            if last:
                return last
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds:.0f} s: {last!r}")


def strings(value: Any) -> Iterator[str]:
    """Every string in JSON-like data, keys too."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from (str(key), *strings(item))
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value
