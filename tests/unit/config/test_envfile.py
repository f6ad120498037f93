"""Dotenv files: what is read, what is refused, and where they may lie."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.config.envfile import parse_env
from deployer.config.problems import Source
from deployer.errors import ConfigError

if TYPE_CHECKING:
    from tests.unit.config.conftest import Folder

CONFIG = "app: shop\nenv_file: [common.env]\nenv: {A: own}\ntargets: {l: {provider: docker}}\n"


def complaint(action: Callable[[], object]) -> ConfigError | None:
    try:
        action()
    except ConfigError as error:
        return error
    return None


def parsed(text: str) -> dict[str, str]:
    return parse_env(Source("common.env", text))


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("K=v", "v"),
        ("export K=v", "v"),
        ("  K = v  ", "v"),
        ("K=", ""),
        ("K=a b # comment", "a b"),
        ("K=a#b", "a#b"),
        ("K='a # b'", "a # b"),
        ('K="a\\nb"', "a\nb"),
        ("K='a\\nb'", "a\\nb"),
        ('K="a" # comment', "a"),
        ("K='${X}'", "${X}"),
        ("K=a=b", "a=b"),
        ("K=$X", "$X"),
    ],
)
def test_a_line(line: str, value: str) -> None:
    assert parsed(f"# first\n\n{line}\n") == {"K": value}


@pytest.mark.parametrize(
    ("line", "what", "fix"),
    [
        ("just words", "this is no `KEY=value` line", None),
        ('K="open', "a quote is not closed on this line", None),
        ("K='a' b", "something follows the closing quote", None),
        (
            "K=${X}",
            "variables are not filled in here",
            "write the line under `env:` in deployer.yaml",
        ),
        (
            "DB_PASSWORD=hunter2",
            "DB_PASSWORD looks like a secret",
            "remove the line and write DB_PASSWORD under `secrets:` in deployer.yaml",
        ),
        (
            "URL=postgres://u:hunter2@h/x",
            "URL looks like a secret",
            "remove the line and write URL under `secrets:` in deployer.yaml",
        ),
    ],
)
def test_a_refused_line(folder: Folder, line: str, what: str, fix: str | None) -> None:
    folder.write(f"OK=1\n{line}\n", "common.env")
    with pytest.raises(ConfigError) as caught:
        folder.place(CONFIG)
    (problem,) = caught.value.problems
    assert (problem.where, problem.what, problem.fix) == ("common.env:2", what, fix)
    assert "hunter2" not in repr((problem.what, problem.why, problem.fix, problem.evidence))


def test_every_refused_line_at_once(folder: Folder) -> None:
    folder.write("a b\nc d\n", "common.env")
    found = folder.mistakes(lambda: folder.place(CONFIG))
    assert [where for where, _, _ in found] == ["common.env:1", "common.env:2"]


def test_the_files_lie_below_env_and_below_each_other(folder: Folder) -> None:
    folder.write("A=first\nB=first\nC=first\n", "common.env")
    folder.write("B=second\n", "sub/more.env")
    text = CONFIG.replace("[common.env]", "[common.env, sub/more.env]")
    assert folder.one(text).env == {"A": "own", "B": "second", "C": "first"}


def test_a_secret_of_the_same_name_wins(folder: Folder) -> None:
    folder.write("B=plain\n", "common.env")
    assert folder.one(CONFIG + "secrets: {B: store/b}\n").env == {"A": "own"}


@pytest.mark.parametrize(
    "name", ["../outside.env", "/etc/hostname", "link.env", "sub/../../outside.env"]
)
def test_no_way_out_of_the_folder(folder: Folder, name: str) -> None:
    folder.write("A=1\n", "app/x.env")
    (folder.path / "outside.env").write_text("A=1\n")
    (folder.path / "app" / "link.env").symlink_to(folder.path / "outside.env")
    folder.path = folder.path / "app"
    (folder.path / "sub").mkdir()
    text = CONFIG.replace("common.env", name)
    assert folder.mistakes(lambda: folder.place(text)) == [
        (
            "app/deployer.yaml:2:12",
            f"{name} leads out of the folder of deployer.yaml",
            "copy the file below that folder",
        )
    ]


def test_a_link_that_stays_inside_is_followed(folder: Folder) -> None:
    folder.write("B=1\n", "real.env")
    (folder.path / "common.env").symlink_to("real.env")
    assert folder.one(CONFIG).env == {"B": "1", "A": "own"}


def test_pipes_folders_and_missing_files(folder: Folder) -> None:
    os.mkfifo(folder.path / "common.env")
    assert said(folder) == "common.env is not a regular file"
    (folder.path / "common.env").unlink()
    assert said(folder) == "common.env cannot be read: No such file or directory"
    (folder.path / "common.env").mkdir()
    assert said(folder) == "common.env is not a regular file"


def test_size_and_encoding(folder: Folder) -> None:
    (folder.path / "common.env").write_bytes(b"#" * (256 * 1024 + 1))
    assert said(folder) == "common.env has more than 262,144 bytes"
    (folder.path / "common.env").write_bytes(b"A=\xff\n")
    assert said(folder) == "common.env is not UTF-8"


def said(folder: Folder) -> str:
    ((where, what, _),) = folder.mistakes(lambda: folder.place(CONFIG))
    assert where == "deployer.yaml:2:12"
    return what


@settings(deadline=None)
@given(st.text("AB=#'\"\\ \n$xport{}", max_size=40))
def test_any_text_gives_variables_or_sentences(text: str) -> None:
    error = complaint(lambda: parsed(text))
    assert error is None or error.problems
