"""The documents tell the truth: their commands, links, snippets and tables are the code's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from deployer import errors
from deployer.cli.main import tree, verb
from deployer.cli.verbs import GROUPS, VERBS
from deployer.config import load
from deployer.outcome import Outcome, exit_code, most_severe
from tests.support.sources import ROOT

PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("examples/*/*.md"))
    if path.name != "CHANGELOG.md"
)
WRITTEN = [page for page in PAGES if page.parent != ROOT / "docs/reference"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)", re.S)
EXITS = {*range(10), 75, 130, 143}
VARIABLES = {"API_URL": "https://api.example"}
WHOLE = "app: shop\nport: 8000\ntargets: {local: {provider: docker}}\n"

pages = pytest.mark.parametrize("page", WRITTEN, ids=lambda p: str(p.relative_to(ROOT)))


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return [text for kind, text in FENCE.findall(page.read_text()) if kind == language]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return FENCE.sub("", page.read_text())


def commands(page: Path) -> Iterator[list[str]]:
    """Every command line of deployer that a page shows, as words after `deployer`."""
    shell = "\n".join(f"    {line}" for block in blocks(page, "sh") for line in block.splitlines())
    for found in re.findall(r"(?:^ {4}|`)deployer( [^`#·]*?)(?=`|#|$)", prose(page) + shell, re.M):
        if words := found.split():
            yield words


def options(name: str) -> set[str]:
    """Every option of a verb, and those of its own verbs."""
    made = verb(name)
    below = list(made.commands.values()) if name in GROUPS else []
    return {opt for one in (made, *below) for param in one.params for opt in param.opts} | {
        "--help"
    }


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.M)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pages
def test_every_command_exists(page: Path) -> None:
    root = {opt for param in tree().params for opt in param.opts} | {"--help"}
    for words in commands(page):
        known = options(words[0]) if words[0] in VERBS else root
        assert words[0] in VERBS or words[0] in root, f"deployer {' '.join(words)}"
        for word in words[1:]:
            flag = word.partition("=")[0].strip(".,;:)")
            assert not flag.startswith("-") or flag in known, f"deployer {' '.join(words)}"
        if words[0] in GROUPS and len(words) > 1 and words[1].isalpha():
            assert words[1] in verb(words[0]).commands, f"deployer {' '.join(words)}"


@pages
def test_every_flag_exists(page: Path) -> None:
    ours = {opt for name in VERBS for opt in options(name)} | {"--version", "--rounds"}
    others = {"--mount", "--bind", "--checksum"}  # of docker and gunicorn
    text = re.sub(r"^    (?!deployer).*$", "", prose(page), flags=re.M)
    for flag in re.findall(r"`(--[a-z-]+)", text):
        assert flag in ours | others, flag


@pages
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if link.startswith(("https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pages
def test_yaml_loads(page: Path, tmp_path: Path) -> None:
    for text in blocks(page, "yaml"):
        partial = yaml.safe_load(text)
        whole = yaml.safe_load(WHOLE) | partial if "app" not in partial else partial
        (tmp_path / "common.env").write_text("A=1\n")
        path = tmp_path / "deployer.yaml"
        path.write_text(text if whole is partial else yaml.safe_dump(whole))
        load(path, VARIABLES)


@pages
def test_python_compiles(page: Path) -> None:
    for text in blocks(page, "python"):
        compile(text, str(page), "exec")


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "docs/guide.md"], ids=lambda p: p.name
)
def test_exit_codes_are_those_of_the_code(page: Path) -> None:
    rows = re.findall(r"^\| ([\d, ]+) \| (.+) \|$", page.read_text(), re.M)
    told = {int(code): text for codes, text in rows for code in codes.split(", ")}
    raised = {error.exit_code for error in _all(errors.DeployerError)}
    ends = {exit_code(outcome) for outcome in Outcome}
    assert set(told) == raised | ends | {130, 143} == EXITS
    assert "rolled back" in told[exit_code(Outcome.FAILED_ROLLED_BACK)]
    assert "person" in told[exit_code(Outcome.UNKNOWN)]
    assert "before any traffic" in told[exit_code(Outcome.FAILED_NOTHING_CHANGED)]
    assert "lock" in told[errors.Busy.exit_code]
    assert "credentials" in told[errors.AuthError.exit_code]
    assert most_severe(told) == errors.DeployerError.exit_code


def test_messages_in_the_guide_are_said_by_the_code() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs/guide.md").read_text(), re.M)
    folders = ("deployer", "providers", "pipelines")
    code = "".join(p.read_text() for folder in folders for p in (ROOT / folder).rglob("*.py"))
    assert len(rows) > 15
    assert [row for row in rows for part in row.split("…") if part.strip() not in code] == []


def test_the_provider_of_the_guide_keeps_the_contract(tmp_path: Path) -> None:
    """The text of docs/adding-a-provider.md, run as it stands."""
    provider, tests = blocks(ROOT / "docs/adding-a-provider.md", "python")
    (tmp_path / "deployer_shelf.py").write_text(provider)
    (tmp_path / "test_shelf.py").write_text(tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env=_paths(tmp_path),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) >= 15


def _paths(folder: Path) -> dict[str, str]:
    sources = [folder, ROOT, ROOT / "providers", ROOT / "pipelines"]
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sources))}


def _all(kind: type[errors.DeployerError]) -> Iterator[type[errors.DeployerError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _all(below)
