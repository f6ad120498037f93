"""Help, the reference page, completion: what a person reads before anything is deployed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deployer.cli.completion import Shell, script
from deployer.cli.reference import reference
from deployer.cli.verbs import VERBS
from tests.cli.conftest import Shop
from tests.support.command import ROOT

LIGHT = {"deployer", "deployer.cli", "deployer.cli.main", "deployer.cli.verbs"}


def test_help_imports_nothing_but_typer(shop: Shop) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "deployer", "--help"]
    env = shop.cli.environment() | shop.env()
    done = subprocess.run(command, cwd=shop.folder, env=env, capture_output=True, text=True)
    names = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    ours = {name for name in names if name.split(".")[0].startswith("deployer")}
    assert ours <= LIGHT | {"deployer.__main__"}
    assert not names & {"msgspec", "yaml", "urllib3", "docker", "rich", "pydantic", "ssl"}
    assert "typer" in names


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ()])
def test_help_names_every_verb_and_how_to_start(shop: Shop, arguments: tuple[str, ...]) -> None:
    result = shop(*arguments)
    assert result.code == 0
    assert all(name in result.out for name in VERBS)
    assert "Start here:" in result.out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(shop: Shop, verb: str) -> None:
    result = shop(verb, "-h")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"Usage: deployer {verb}")


def test_the_version_is_told_in_three_ways(shop: Shop) -> None:
    told = shop("version").out
    assert told == shop("--version").out
    assert shop("version", "--json").json["version"] in told


def test_the_reference_is_current() -> None:
    page = ROOT / "docs" / "reference" / "commands.md"
    fix = "python -m deployer.cli.reference > docs/reference/commands.md"
    assert page.read_text() == reference(), fix


@pytest.mark.parametrize("shell", Shell)
def test_a_completion_script_is_one_that_its_shell_reads(shell: Shell, tmp_path: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    path = tmp_path / "completion"
    path.write_text(script(shell))
    subprocess.run([program, "-n", str(path)], check=True)


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("deployer ro", ["rollback"]),
        ("deployer ship --allow", ["--allow-dirty"]),
        ("deployer lock ta", ["take"]),
    ],
)
def test_bash_completes_without_starting_deployer(
    tmp_path: Path, line: str, offered: list[str]
) -> None:
    words = line.split()
    quoted = " ".join(f"'{word}'" for word in words)
    asked = f"{script(Shell.BASH)}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; "
    asked += "_deployer; printf '%s\\n' \"${COMPREPLY[@]}\""
    bash = shutil.which("bash") or "bash"
    done = subprocess.run(
        [bash, "-c", asked],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": str(tmp_path)},
    )
    assert done.stdout.split() == offered
