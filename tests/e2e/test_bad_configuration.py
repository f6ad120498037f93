"""Mistakes in deployer.yaml and on the command line: all at once, with line and cure, exit 2."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from tests.support.session import Session
from tests.support.standing import Standing, stand

pytestmark = pytest.mark.docker
TWO: dict[str, Any] = {"staging": {}, "production": {"protected": True}}


@pytest.fixture(scope="module")
def standing(
    tmp_path_factory: pytest.TempPathFactory,
    labelled: Session,
    engine: docker.DockerClient,
    python_base: str,
    edge_image: str,
) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("config")
    with stand(folder, labelled, engine, python_base, edge_image) as found:
        yield found


@pytest.fixture(autouse=True)
def tidy(standing: Standing) -> None:
    standing.tidy()


def edit(standing: Standing, old: str, new: str) -> None:
    text = standing.project.path.read_text()
    assert old in text
    standing.project.path.write_text(text.replace(old, new, 1))


def test_unknown_keys_are_all_named_with_what_was_meant(standing: Standing) -> None:
    edit(standing, '"service":', '"servise":')
    edit(standing, '"publish":', '"publich":')
    failure = standing.fails(2, "ship").says('did you mean "service"', 'did you mean "publish"')
    assert len(failure.error["problems"]) >= 2


def test_variables_without_a_value_are_all_named(standing: Standing) -> None:
    standing.project.write("2", {"A": "${ONE_MISSING}", "B": "${OTHER_MISSING}"})
    standing.fails(2, "ship").says("ONE_MISSING", "OTHER_MISSING", "deployer.yaml:")


TEXTS = {
    "no YAML": ("app: [shop\nservice: {", ("deployer.yaml:",)),
    "a key twice": ("app: shop\napp: other\n", ("app", "twice", "deployer.yaml:2")),
    "a list": ("- app\n", ("deployer.yaml:1",)),
    "nothing": ("", ("deployer.yaml",)),
    "binary": ("\x00\x01", ("deployer.yaml",)),
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_file_with(standing: Standing, case: str) -> None:
    text, words = TEXTS[case]
    standing.project.path.write_text(text)
    standing.fails(2, "ship").says(*words)


def test_a_file_that_is_absent(standing: Standing) -> None:
    standing.project.path.unlink()
    standing.fails(2, "ship").says("deployer.yaml", "deployer init")


WORDS = {
    "environment": (("-e", "prodution"), ("prodution", "production")),
    "target": (("-e", "staging", "-t", "locale"), ("locale", "local")),
    "service": (("-e", "staging", "-s", "helo"), ("helo", "hello")),
    "no environment of several": ((), ("staging", "production", "-e")),
    "a duration": (("-e", "staging", "--timeout", "soon"), ("--timeout", "soon", "15m")),
    "an option": (("--forse",), ("--forse", "--force")),
}


@pytest.mark.parametrize("case", WORDS)
def test_a_command_line_with_an_unknown(standing: Standing, case: str) -> None:
    arguments, words = WORDS[case]
    standing.project.write("2", environments=TWO)
    standing.fails(2, "ship", *arguments).says(*words)


def test_a_protected_environment_must_be_named_and_confirmed(standing: Standing) -> None:
    standing.project.write("2", environments={"production": {"protected": True}})
    standing.fails(2, "ship").says("-e production", "--yes")
    standing.fails(2, "ship", "-e", "production").says("must be confirmed", "--yes")
    standing.fails(2, "rollback", "--yes").says("must be named", "-e production")


def test_a_protected_environment_refuses_a_dirty_tree(standing: Standing) -> None:
    text = f"FROM {standing.project.base}\nCOPY server.py /srv/server.py\nUSER 10001\n"
    (standing.project.folder / "Dockerfile").write_text(text)
    standing.project.write("2", environments=TWO)
    git(standing, "init", "-q")
    git(standing, "add", ".")
    git(standing, "commit", "-qm", "one")
    (standing.project.folder / "server.py").write_text("changed\n")
    failure = standing.fails(4, "ship", "-e", "production", "--yes")
    failure.says("production is protected", "in no commit", "--allow-dirty")


def test_secrets_without_a_value_are_all_named(standing: Standing) -> None:
    secrets = {"DATABASE_URL": "env:NO_URL_HERE", "KEY": "file:/no/such/file"}
    standing.project.write("2", secrets=secrets)
    standing.fails(3, "ship").says("2 secrets have no value", "env:NO_URL_HERE", "file:/no/such")


def test_the_document_of_a_failure_is_the_only_thing_on_stdout(standing: Standing) -> None:
    standing.project.path.unlink()
    result = standing.run("status", "--json")
    assert result.code == json.loads(result.out)["exit_code"] == 2


def git(standing: Standing, *words: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    subprocess.run(["git", *who, *words], cwd=standing.project.folder, check=True)
