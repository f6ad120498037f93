"""Version 1 stands; whatever is tried against it must fail in words, and leave it standing."""

from __future__ import annotations

import json
import os
import re
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker

from tests.support.command import Command, Result
from tests.support.ports import free_port
from tests.support.project import Project
from tests.support.session import Session

QUICK = {"path": "/health", "interval": "1s", "timeout": "1s", "retries": 1, "start_period": "1s"}
ERROR = {"code", "what", "exit_code", "where", "why", "evidence", "fix", "problems"}


@dataclass
class Failure:
    """How a command failed, as people and as programs are told: both come from one run."""

    result: Result
    document: dict[str, Any]

    @property
    def error(self) -> dict[str, Any]:
        """The error's parts, of the only target or of the command."""
        targets = [t["problem"] for t in self.document.get("targets", ()) if t.get("problem")]
        found: dict[str, Any] = self.document["error"] or targets[0]
        return found

    @property
    def block(self) -> str:
        """What a person reads, in one line, so that the terminal's width does not matter."""
        return " ".join(self.result.err[self.result.err.index("error: ") :].split())

    def says(self, *words: str) -> Failure:
        """The block has all of `words`."""
        missing = [word for word in words if word not in self.block]
        assert not missing, f"{missing} not said:\n{self.result.err}"
        return self


@dataclass
class Standing:
    """The hello application, shipped once. `fails(3, "ship")` checks that nothing changed."""

    project: Project
    cli: Command
    engine: docker.DockerClient
    environment: dict[str, str]
    scratch: Path
    before: set[tuple[str, str]] = field(default_factory=set)

    @property
    def filter(self) -> dict[str, Any]:
        return {"label": f"deployer.app={self.project.app}"}

    def first(self) -> None:
        """Ship version 1, from a tidy folder."""
        self.tidy()
        self.project.write("1", health=QUICK)
        done = self.run("ship")
        assert done.code == 0, done.err
        self.before = self.containers()

    def tidy(self) -> None:
        """The project's folder as it was at the beginning."""
        shutil.rmtree(self.project.folder)
        self.project.__post_init__()
        server = self.project.folder / "server.py"
        # an image of its own: of two apps with the same one, neither could be removed
        server.write_text(f"{server.read_text()}\n# {self.project.app}\n")
        self.project.write("2", health=QUICK)

    def run(self, *arguments: str, **env: str) -> Result:
        """One command to its end, its temporary files in a folder that is looked into."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir()
        given = {**self.environment, "TMPDIR": str(self.scratch), **env}
        return self.cli(*arguments, cwd=self.project.folder, env=given)

    def fails(self, code: int, *arguments: str, untouched: bool = True, **env: str) -> Failure:
        """The command fails with `code`, tells it to people and programs, and leaves nothing."""
        result = self.run(*arguments, "--json", **env)
        assert result.code == code, result.out + result.err
        assert not re.search("^Traceback", result.err, re.MULTILINE)
        document = json.loads(result.out)
        assert (document["schema_version"], document["exit_code"]) == (1, code)
        assert document["command"].startswith(arguments[0])
        failure = Failure(result, document)
        assert failure.error.keys() == ERROR
        failure.says(" ".join(failure.error["what"].split()))
        assert list(self.scratch.iterdir()) == [], "temporary files are left behind"
        if untouched:
            self.stands()
        return failure

    def stands(self) -> None:
        """Version 1 answers, and what runs is what ran before, and nothing else is there."""
        assert self.answer() == "hello 1\n"
        assert self.containers() == self.before

    def answer(self) -> str:
        with urllib.request.urlopen(f"{self.project.url}/", timeout=10) as page:
            return str(page.read().decode())

    def containers(self) -> set[tuple[str, str]]:
        """Name and start of every container of the app: a restart shows as well."""
        found = self.engine.containers.list(all=True, filters=self.filter, ignore_removed=True)
        return {(str(c.name), str(c.attrs["State"]["StartedAt"])) for c in found}


@contextmanager
def stand(
    folder: Path, session: Session, engine: docker.DockerClient, base: str, edge: str
) -> Iterator[Standing]:
    """Version 1 of a new app in `folder`, serving."""
    home = folder / "home"
    home.mkdir()
    name = session.name(folder.name.rstrip("0123456789"))  # one for each module
    project = Project(folder / "project", name, base, free_port())
    environment = {"DEPLOYER_EDGE_IMAGE": edge, "PATH": os.environ["PATH"]}
    found = Standing(project, Command(home), engine, environment, folder / "tmp")
    found.first()
    try:
        yield found
    finally:  # networks are few: not all modules' at once
        found.tidy()
        found.run("destroy", "--yes")
