"""docs/faults.md tells the truth: each test that it names exists, each row has one or says so."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = re.findall(r"^\| ([FS]\d+) \|.*\| (.*) \|$", (ROOT / "docs/faults.md").read_text(), re.M)
NAMED = [name for _, cell in ROWS for name in re.findall(r"`(\S+::\S+)`", cell)]


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("name", NAMED)
def test_a_named_test_exists(name: str) -> None:
    path, _, function = name.partition("::")
    assert (ROOT / path).is_file(), path
    assert function in functions_of(path)


def test_every_fault_has_a_row_and_every_row_a_test_or_says_not_yet() -> None:
    rows = dict(ROWS)
    wanted = [f"F{i}" for i in range(1, 31)] + [f"S{i}" for i in range(1, 15)]
    assert sorted(rows) == sorted(wanted)
    assert [number for number, cell in ROWS if "::" not in cell and "not yet" not in cell] == []


def test_every_test_that_is_named_after_a_fault_is_in_the_page() -> None:
    page = set(NAMED)
    missing = [
        f"{path.relative_to(ROOT)}::{name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in functions_of(str(path.relative_to(ROOT)))
        if re.match(r"test_f\d\d_", name) and f"{path.relative_to(ROOT)}::{name}" not in page
    ]
    assert missing == []
