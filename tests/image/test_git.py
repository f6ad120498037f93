from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from deployer.image.git import git_facts
from deployer.image.tags import image_tag, labels, source_date_epoch


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "a").write_text("a")
    (tmp_path / ".gitignore").write_text("*.log\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    git(tmp_path, "remote", "add", "origin", "https://ann:hidden@git.example/team/app.git")
    return tmp_path


def git(folder: Path, *words: str) -> None:
    facts = {
        "GIT_AUTHOR_NAME": "Ann",
        "GIT_AUTHOR_EMAIL": "a@x.example",
        "GIT_COMMITTER_NAME": "Ann",
        "GIT_COMMITTER_EMAIL": "a@x.example",
        "GIT_COMMITTER_DATE": "1700000000 +0000",
    }
    subprocess.run(["git", "-C", str(folder), *words], check=True, env=os.environ | facts)


def test_a_clean_commit(repo: Path) -> None:
    facts = git_facts(repo)
    assert facts is not None
    assert not facts.dirty
    assert (facts.author, facts.branch, facts.time) == ("Ann", "main", 1700000000)
    assert image_tag(facts) == f"git-{facts.commit[:12]}"
    assert labels(facts) == {
        "org.opencontainers.image.revision": facts.commit,
        "org.opencontainers.image.source": "https://git.example/team/app",
        "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
    }
    assert source_date_epoch(facts) == 1700000000


def test_a_git_tag_is_the_version(repo: Path) -> None:
    git(repo, "tag", "v1.2+3")
    facts = git_facts(repo)
    assert labels(facts)["org.opencontainers.image.version"] == "v1.2+3"


def test_dirt_is_marked_and_told_apart(repo: Path) -> None:
    def tag() -> str:
        return image_tag(git_facts(repo))

    seen = [tag()]
    (repo / "a").write_text("b")
    seen.append(tag())
    (repo / "a").write_text("c")
    seen.append(tag())
    (repo / "new").write_text("1")
    seen.append(tag())
    (repo / "new").write_text("2")
    seen.append(tag())
    assert len(set(seen)) == 5
    assert all("-dirty-" in each for each in seen[1:])
    assert tag() == seen[-1]
    facts = git_facts(repo)
    assert labels(facts)["org.opencontainers.image.revision"].endswith("-dirty")


def test_ignored_files_are_no_dirt(repo: Path) -> None:
    (repo / "x.log").write_text("x")
    assert "dirty" not in image_tag(git_facts(repo))


def test_dirt_outside_the_folder_counts_as_well(repo: Path) -> None:
    (repo / "sub").mkdir()
    (repo / "sub" / "b").write_text("b")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "two")
    (repo / "a").write_text("b")
    facts = git_facts(repo / "sub")
    assert facts is not None
    assert facts.dirty


def test_outside_git_the_context_is_the_version(tmp_path: Path) -> None:
    assert git_facts(tmp_path) is None
    assert image_tag(None, "ab" * 32) == "ctx-" + "ab" * 6
    assert labels(None) == {}
    assert source_date_epoch(None) is None


def test_before_the_first_commit_there_is_no_version(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert git_facts(tmp_path) is None


def test_a_hooks_variables_do_not_mislead(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert git_facts(repo) is not None


def test_nothing_of_the_repository_is_run(repo: Path) -> None:
    trap = repo.parent / f"{repo.name}-trap"
    script = repo.parent / f"{repo.name}.sh"
    script.write_text(f"#!/bin/sh\ntouch {trap}\n")
    script.chmod(0o755)
    git(repo, "config", "core.fsmonitor", str(script))
    git(repo, "config", "diff.external", str(script))
    (repo / "a").write_text("b")
    facts = git_facts(repo)
    assert facts is not None
    assert facts.dirty
    assert not trap.exists()
