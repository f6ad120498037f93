"""Shipping to the local engine, beside the same done by hand with `docker`."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import docker  # noqa: TID251  # cleaning up, as the tests do

from benchmarks.counting import Counter
from benchmarks.measuring import Row, alternating, child, overhead
from benchmarks.startup import deployer, environment
from deployer.execute import Pace
from deployer.image.builder import choose
from tests.support import registry
from tests.support.ports import free_port
from tests.support.project import Project
from tests.support.scripts import ScriptFailed, script
from tests.support.session import Session

SOCKET = "/var/run/docker.sock"
START_DELAY = 2.0  # seconds that the application takes to listen, where readiness is measured
NO_CHANGE_BAR = 8  # requests to a target


class Place:
    """One project on this engine, shipped by deployer and by hand, under names of its own."""

    def __init__(self, folder: Path, name: str, base: str, prefix: str | None = None) -> None:
        self.project = Project(folder, name, base, free_port())
        self.name, self.base, self.prefix = name, base, prefix
        self.hand_port = free_port()
        self.builder = choose()
        self._versions = count(1)
        self._by_hand: str | None = None
        self.write()

    def write(self, **changes: Any) -> None:
        """deployer.yaml, with the registry where there is one."""
        target: dict[str, Any] = {"provider": "docker", "publish": self.project.port}
        if self.prefix:
            target["registry"] = self.prefix
        self.project.write(targets={"local": target}, **changes)

    def ship(self) -> float:
        """Seconds of one `deployer ship` of a changed source."""
        self._change()
        return self.again()

    def again(self, **variables: str) -> float:
        """Seconds of one `deployer ship` of the source as it is."""
        env = environment() | variables
        return child(deployer("ship", "--yes"), self.project.folder, env).wall

    def by_hand(self, stop: bool) -> float:
        """Seconds to build, push where there is a registry, run, and ask until it answers;
        with `stop`, also to stop the container it replaces."""
        version = self._change()
        image = f"{self.prefix or 'hand'}/{self.name}:{version}"
        began = time.perf_counter()
        self._docker("build", "-t", image, "--build-arg", f"BASE={self.base}", ".")
        if self.prefix:
            self._docker("push", image)
        before, self._by_hand = self._by_hand, f"{self.name}-hand-{version}"
        self.hand_port = free_port()
        publish = f"127.0.0.1:{self.hand_port}:8000"
        self._docker("run", "-d", "--name", self._by_hand, "-p", publish, image)
        _ask_until_ready(f"http://127.0.0.1:{self.hand_port}/health")
        if stop and before:
            self._docker("stop", before)
        seconds = time.perf_counter() - began
        if before:
            self._docker("rm", "--force", before)
        return seconds

    def cached_build(self) -> float:
        """Seconds of a `docker build` in which nothing has changed."""
        began = time.perf_counter()
        image = f"hand/{self.name}:cached"
        self._docker("build", "-t", image, "--build-arg", f"BASE={self.base}", ".")
        return time.perf_counter() - began

    def _change(self) -> str:
        version = f"v{next(self._versions)}"
        source = self.project.folder / "server.py"
        source.write_text(source.read_text().split("# version ")[0] + f"# version {version}\n")
        return version

    def _docker(self, *arguments: str) -> None:
        env = dict(os.environ) | {"DOCKER_BUILDKIT": "1"}
        subprocess.run(
            [str(self.builder.program), *arguments],
            cwd=self.project.folder, env=env, capture_output=True, check=True,
        )  # fmt: skip


def rows(rounds: int) -> Iterator[Row]:
    """Everything that needs the engine. What it creates there is removed at the end."""
    with equipment() as (folder, session, base, host):
        local = Place(folder / "local", session.name("hello"), base)
        yield from _unchanged(local, rounds)
        yield from _compared(local, rounds, "")
        yield _readiness(local, rounds)
        pushed = Place(folder / "pushed", session.name("pushed"), base, f"{host}/{session.id}")
        try:
            pushed.again()
        except RuntimeError as error:
            yield Row("ship with a registry", "failed", "-", str(error).splitlines()[-1])
        else:
            yield from _compared(pushed, rounds, " with a registry")


@contextmanager
def equipment() -> Iterator[tuple[Path, Session, str, str]]:
    """A folder, a session, a base pinned by digest, and the host of a registry that has it."""
    session, engine = Session(), docker.from_env()
    with tempfile.TemporaryDirectory(prefix="deployer-bench-") as name:
        server = registry.serve(script("registry"), Path(name) / "registry")
        _edge_image()
        try:
            yield Path(name), session, _pinned(engine, server.host, session), server.host
        finally:
            session.remove_all(engine)
            server.stop()
            engine.close()


def _edge_image() -> None:
    """The edge's image: the one that is named, one built here, or else the official one."""
    with suppress(ScriptFailed):
        os.environ.setdefault("DEPLOYER_EDGE_IMAGE", script("edge-image"))


def _pinned(engine: docker.DockerClient, host: str, session: Session) -> str:
    """The base image by digest: only then a build may be skipped."""
    repository = f"{host}/{session.id}/base"
    engine.images.get(script("base-image", "python")).tag(repository, "latest")
    engine.images.push(repository, "latest")
    pinned = engine.images.get(f"{repository}:latest").attrs["RepoDigests"]
    return next(str(digest) for digest in pinned if digest.startswith(repository))


def _unchanged(place: Place, rounds: int) -> Iterator[Row]:
    place.ship()
    ours, build = alternating(
        rounds, lambda _: place.again(), lambda _: place.cached_build()
    )  # fmt: skip
    mine, other = median(ours), median(build)
    yield Row(
        what="ship, nothing changed",
        ours=f"{mine:.2f} s",
        beside=f"`docker build`, all cached, alone {other:.2f} s",
        result=f"x {mine / other:.2f}",
    )
    seen = _requests(place)
    changing = [r for r in seen if not r.startswith(("GET", "HEAD")) and "/exec" not in r]
    yield Row(
        what="requests to the engine of a ship, nothing changed",
        ours=f"{len(seen)}, {len(changing)} of them change something",
        beside="-",
        result=f"{len(seen)}",
        bar=f"≤ {NO_CHANGE_BAR}",
        holds=len(seen) <= NO_CHANGE_BAR,
    )


def _requests(place: Place) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "docker.sock"
        counter = Counter(path, SOCKET)
        place.again(DOCKER_HOST=f"unix://{path}")
        counter.close()
    if os.environ.get("BENCH_SHOW_REQUESTS"):
        print(*counter.requests, sep="\n")
    return counter.requests


def _compared(place: Place, rounds: int, how: str) -> Iterator[Row]:
    push = "push, " if place.prefix else ""
    place.by_hand(stop=False)
    ours, hand, whole = alternating(
        rounds,
        lambda _: place.ship(),
        lambda _: place.by_hand(stop=False),
        lambda _: place.by_hand(stop=True),
    )
    what = f"ship a change{how}"
    yield overhead(what, median(ours), f"build, {push}run, ask until ready", median(hand))
    yield overhead(what, median(ours), "the same, and stop the old one", median(whole))


def _readiness(place: Place, rounds: int) -> Row:
    place.write(env={"START_DELAY": str(START_DELAY)})
    late = median(_lateness(place, index) for index in range(rounds))
    poll = _poll_at(START_DELAY)
    return Row(
        what=f"application listens → deployer knows (it takes {START_DELAY:.0f} s to start)",
        ours=f"{late:.2f} s",
        beside=f"one poll at that time {poll:.2f} s",
        result=f"{late / poll:.1f} polls",
        bar="≤ 1 poll",
        holds=late <= poll,
    )


def _lateness(place: Place, index: int) -> float:
    """Seconds from the application's own `listens` line, by the engine's clock, to the event
    that says the candidate is proven. Engine and we share the machine's clock."""
    place._change()
    with subprocess.Popen(
        deployer("ship", "--yes", "--events", "ndjson"), cwd=place.project.folder,
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        known, release = 0.0, ""
        for line in process.stdout:
            event = json.loads(line)
            action = event.get("action") or {}
            if event["type"] == "finished" and action.get("stage") == "candidate":
                known, release = time.time(), action["release"]
    return known - _listens_at(place, release)


def _listens_at(place: Place, release: str) -> float:
    found = docker.from_env().containers.list(filters={"label": f"deployer.release={release}"})
    lines = found[0].logs(timestamps=True).decode().splitlines()
    moment = next(line.split()[0] for line in lines if "listens on" in line)
    return datetime.fromisoformat(moment[:26] + "+00:00").timestamp()


def _poll_at(seconds: float) -> float:
    """How long deployer pauses between two looks after so many seconds of looking."""
    pace, waited = Pace(), 0.0
    pause = pace.first
    while waited + pause < seconds:
        waited += pause
        pause = min(pause * pace.factor, pace.longest)
    return pause


def _ask_until_ready(url: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"{url} never answered")
