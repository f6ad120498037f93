"""The Flask example as a team would ship it: built, migrated, changed, broken and undone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scripts.lib.tour import index_settings
from tests.e2e.conftest import Open
from tests.support.load import Hits, load
from tests.support.shop import Shop
from tests.support.sources import ROOT

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(300)]

BUNDLE = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))
GIT = ("git", "-c", "user.name=e2e", "-c", "user.email=e2e@localhost")


class Tasks:
    """The example in a folder of its own, under git."""

    def __init__(self, shop: Shop, base: str) -> None:
        self.shop = shop
        shop.folder = shop.folder.parent / "tasks"
        shutil.copytree(ROOT / "examples/flask-backend", shop.folder)
        build = {"args": {"BASE": base}, "secrets": self.secrets()}
        self.edit("deployer.yaml", "app: tasks", f"app: {shop.app}")
        self.edit("deployer.yaml", "publish: 8080", f"publish: {shop.port}")
        self.edit("deployer.yaml", "build: {context: .}", f"build: {json.dumps(build)}")
        self.git("init", "--quiet")
        self.commit("1.0.0")

    def secrets(self) -> dict[str, str]:
        """The certificates always; pip's configuration only where this machine has one."""
        conf = self.shop.folder.parent / "pip.conf"
        if lines := index_settings():
            conf.write_text("\n".join(["[global]", *lines, ""]))
        return {"ca": f"file:{BUNDLE}", "pip_conf": f"file:{conf}?"}

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.shop.folder / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def git(self, *arguments: str) -> None:
        subprocess.run([*GIT, *arguments], cwd=self.shop.folder, check=True, capture_output=True)

    def commit(self, version: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", version)
        command = ["git", "rev-parse", "HEAD"]
        done = subprocess.run(command, cwd=self.shop.folder, capture_output=True, text=True)
        return done.stdout.strip()

    def version(self) -> str:
        return str(json.loads(self.shop.get("/api/health"))["version"])

    @contextmanager
    def under_load(self) -> Iterator[dict[str, Hits]]:
        """Requests on kept connections and on new ones; not one may fail."""
        url = f"{self.shop.url}/api/health"
        with load(url, threads=2) as kept, load(url, threads=2, keep_alive=False) as new:
            yield {"kept": kept, "new": new}
        for hits in (kept, new):
            assert hits.ok > 50
            assert not hits.errors


def versions(hits: Hits) -> set[str]:
    """The versions that answered."""
    return {json.loads(body)["version"] for body in hits.bodies}


@pytest.fixture
def tasks(open_shop: Open, python_base: str) -> Tasks:
    return Tasks(open_shop(), python_base)


def test_the_flask_backend_is_shipped_changed_broken_rolled_back_and_destroyed(
    tasks: Tasks,
) -> None:
    shop = tasks.shop
    first = shop.ship()
    assert tasks.version() == "1.0.0"
    assert first["task_ran"]
    is_what_was_built(shop, first)

    tasks.edit("app/__init__.py", '"1.0.0"', '"1.1.0"')
    commit = tasks.commit("1.1.0")
    with tasks.under_load() as hits:
        second = shop.ship()
    assert versions(hits["kept"]) == versions(hits["new"]) == {"1.0.0", "1.1.0"}
    is_what_was_built(shop, second, commit)

    tasks.edit("app/__init__.py", '"1.1.0"', 'os.environ["RELEASE_NAME"]')
    tasks.commit("needs a variable nobody set")
    with tasks.under_load() as hits:
        broken = shop.run("ship", "--yes", expect=3)
    assert versions(hits["kept"]) == versions(hits["new"]) == {"1.1.0"}
    assert "RELEASE_NAME" in broken.err
    assert "now" in broken.err
    assert second["release"] in broken.err

    with tasks.under_load() as hits:
        shop.rollback()
    assert tasks.version() == "1.0.0"
    assert "1.0.0" in versions(hits["new"])

    tells_what_happened(shop, first["release"], second["release"])
    leaves_nothing(shop)


def is_what_was_built(shop: Shop, report: dict[str, Any], commit: str | None = None) -> None:
    """The running container's image is the one that the report names, and says its commit."""
    (container,) = shop.containers(running=True)
    assert container.attrs["Image"] == report["image"]["digest"] == report["serving_digest"]
    assert container.attrs["Config"]["User"] == "app"
    labels = shop.engine.images.get(container.attrs["Image"]).labels
    assert commit is None or labels["org.opencontainers.image.revision"] == commit


def tells_what_happened(shop: Shop, first: str, second: str) -> None:
    """releases, status and logs agree with what was done."""
    told = [(e["intent"]["kind"], e["conclusion"]["outcome"]) for e in shop.entries()]
    assert told == [
        ("rollback", "succeeded"),
        ("ship", "failed_nothing_changed"),
        ("ship", "succeeded"),
        ("ship", "succeeded"),
    ]
    (live,) = [r for r in shop.status()["observed"]["revisions"] if r["weight"]]
    assert (live["release"], live["weight"], live["state"]) == (first, 100, "healthy")
    assert "/api/health" in shop.run("logs").out
    assert "Shutting down" in shop.run("logs", "--release", second).out


def leaves_nothing(shop: Shop) -> None:
    """destroy removes everything; the records go only with --records."""
    shop.run("destroy", "--yes")
    assert shop.left() == {"volumes": [f"{shop.name}-state"]}
    assert len(shop.entries()) == 5
    shop.run("destroy", "--yes", "--records")
    assert shop.left() == {}
