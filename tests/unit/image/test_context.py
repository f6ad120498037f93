from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from deployer.errors import BuildError, ConfigError
from deployer.image.context import Context, input_hash, read_context, tree_hash
from deployer.image.ignore import parse_ignore


@pytest.mark.parametrize(
    ("patterns", "gone", "kept"),
    [
        (["foo"], ["foo", "foo/bar"], ["foobar", "a/foo"]),
        (["/foo/"], ["foo", "foo/x"], ["a/foo"]),
        (["*.md"], ["a.md"], ["d/a.md"]),
        (["**/*.md"], ["a.md", "d/a.md", "d/e/a.md"], ["a.mdx"]),
        (["a/**"], ["a/b", "a/b/c"], ["a", "ab"]),
        (["a/**/z"], ["a/z", "a/b/z", "a/b/c/z"], ["a/bz"]),
        (["**"], ["a", "a/b", ".x"], []),
        (["*"], ["a", "a/b", ".x"], []),
        (["a?c"], ["abc"], ["ac", "a/c"]),
        (["[a-c]x", "[^a]y"], ["bx", "zy"], ["dx", "ay"]),
        ([r"a\*b"], ["a*b"], ["axb"]),
        (["# x", "", "  y  "], ["y"], ["# x", "x"]),
        (["*.md", "!README.md"], ["a.md"], ["README.md"]),
        (["!README.md", "*.md"], ["README.md"], []),
        (["foo", "!foo/bar"], ["foo", "foo/x"], ["foo/bar", "foo/bar/y"]),
        (["foo", "!foo/bar", "foo/bar/y"], ["foo/bar/y"], ["foo/bar/z"]),
        (["./a/../b"], ["b"], ["a"]),
        (["[[]x"], ["[x"], ["x"]),
        (["a.c"], ["a.c"], ["abc"]),
    ],
)
def test_patterns_as_docker_reads_them(
    patterns: list[str], gone: list[str], kept: list[str]
) -> None:
    ignore = parse_ignore(patterns)
    assert [path for path in gone if not ignore.excludes(path)] == []
    assert [path for path in kept if ignore.excludes(path)] == []


@pytest.mark.parametrize("line", ["!", "a[b"])
def test_a_pattern_that_docker_refuses(line: str) -> None:
    with pytest.raises(ConfigError, match="not a pattern") as caught:
        parse_ignore(["fine", line], Path("x/.dockerignore"))
    assert caught.value.where == "x/.dockerignore:2"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("a")
    (tmp_path / "src" / "b.md").write_text("b")
    return tmp_path


def paths(context: Context) -> list[str]:
    return [entry.path for entry in context.entries]


def test_what_is_ignored_is_not_in_it(root: Path) -> None:
    (root / ".dockerignore").write_text("**/*.md\n.dockerignore\n")
    assert paths(read_context(root)) == ["Dockerfile", "src", "src/a.py"]


def test_an_exception_below_an_excluded_folder_is_found(root: Path) -> None:
    (root / ".dockerignore").write_text("*\n!src/*.py\n")
    assert paths(read_context(root)) == ["src/a.py"]


def test_the_dockerfiles_own_ignore_file_wins(root: Path) -> None:
    (root / ".dockerignore").write_text("src\n")
    (root / "Dockerfile.dockerignore").write_text("*ocker*\n")
    assert "src/b.md" in paths(read_context(root))


def test_a_missing_dockerfile_is_named(root: Path) -> None:
    with pytest.raises(ConfigError, match="no Dockerfile") as caught:
        read_context(root, Path("deploy/Dockerfile"))
    assert caught.value.where == str(root / "deploy" / "Dockerfile")


def test_links_are_kept_as_links(root: Path) -> None:
    (root / "out").symlink_to("/etc")
    (root / "loop").symlink_to(".")
    found = {entry.path: entry.link for entry in read_context(root).entries}
    assert found["out"] == "/etc"
    assert not any(path.startswith(("out/", "loop/")) for path in found)


def test_pipes_are_refused_with_a_fix(root: Path) -> None:
    os.mkfifo(root / "queue")
    with pytest.raises(BuildError, match="a pipe in the build context") as caught:
        read_context(root)
    assert "`queue` to .dockerignore" in str(caught.value.fix)
    (root / ".dockerignore").write_text("queue\n")
    assert "queue" not in paths(read_context(root))


def plain(root: Path, **other: Any) -> str:
    options: dict[str, Any] = {"args": {}, "target": None, "platform": None, **other}
    return input_hash(read_context(root), **options)


def test_the_hash_changes_with_everything_that_counts(root: Path) -> None:
    (root / ".dockerignore").write_text("*.log\n")
    seen = {plain(root)}

    def changed(**other: Any) -> bool:
        before = len(seen)
        seen.add(plain(root, **other))
        return len(seen) > before

    assert not changed()
    (root / "x.log").write_text("ignored")
    os.utime(root / "src" / "a.py", (1, 1))
    assert not changed()
    (root / "src" / "a.py").write_text("A")
    assert changed()
    (root / "src" / "a.py").chmod(0o755)
    assert changed()
    (root / "src" / "a.py").rename(root / "src" / "c.py")
    assert changed()
    (root / "link").symlink_to("one")
    assert changed()
    (root / "link").unlink()
    (root / "link").symlink_to("two")
    assert changed()
    (root / "empty").mkdir()
    assert changed()
    (root / "Dockerfile").write_text("FROM scratch\nUSER 1\n")
    assert changed()
    assert changed(args={"A": "1"})
    assert changed(args={"A": "2"})
    assert changed(target="x")
    assert changed(platform="linux/arm64")
    assert changed(options={"secrets": "pip"})


def test_an_ignored_dockerfile_counts_as_well(root: Path) -> None:
    (root / ".dockerignore").write_text("Dockerfile\n")
    before = tree_hash(read_context(root))
    (root / "Dockerfile").write_text("FROM scratch\nUSER 1\n")
    assert tree_hash(read_context(root)) != before


def test_the_order_on_disk_does_not_matter(root: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, names in ((one, "abc"), (two, "cba")):
        folder.mkdir()
        for name in names:
            (folder / name).write_text(name)
        (folder / "Dockerfile").write_text("x")
    assert tree_hash(read_context(one)) == tree_hash(read_context(two))
