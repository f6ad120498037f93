"""YAML 1.2 core, with places; bombs cost nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.config.reading import Items, Node, Scalar, Table, read
from deployer.errors import ConfigError


def tree(text: str) -> Table:
    return read(text.encode(), "deployer.yaml")[1]


def plain(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {key: plain(value) for key, value in node.entries.items()}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("off", "off"),
        ("true", True),
        ("22:22", "22:22"),
        ("010", "010"),
        ("0o10", "0o10"),
        ("1_000", "1_000"),
        ("2026-12-20", "2026-12-20"),
        ("1e3", 1000.0),
        ("12", 12),
        ("-1.5", -1.5),
        ("~", None),
        ("null", None),
        ("'12'", "12"),
        ('"null"', "null"),
        ("=", "="),
        (".nan", ".nan"),
    ],
)
def test_scalars_by_the_core_schema(written: str, value: object) -> None:
    found = plain(tree(f"a: {written}"))["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("data", "where", "what"),
    [
        (b"", "1:1", "the file is empty"),
        (b"# only this\n", "1:1", "the file is empty"),
        (b"- a\n", "1:1", "the file is a list of keys and values, and has none"),
        (b"a: 1\nb: 2\na: 3\n", "3:1", '"a" stands twice, first in line 1'),
        (b"a: !!python/object:os.system x\n", "1:4", "YAML tags (`!\u2026`) are not read"),
        (b"a:\n\tb: 1\n", "2:1", "a tab indents this line; YAML knows only spaces there"),
        (
            b"a: 1\n---\nb: 1\n",
            "2:1",
            "a second document starts here; deployer.yaml is one document",
        ),
        (b"a: *x\n", "1:4", "*x refers to nothing above it"),
        (b"a: &a [*a]\n", "1:8", "*a refers to nothing above it"),
        (b"a: {<<: 3}\n", "1:9", "`<<` merges mappings, and this is none"),
        (b"? [a]\n: 1\n", "1:3", "a key must be a word"),
        (b"a: b: c\n", "1:5", "a second `: ` on this line, or a line indented too far"),
        (b"a: {b: 1\n", "2:1", "a `{` is not closed by `}`"),
        (b"a: [b\n", "2:1", "a `[` is not closed by `]`"),
        (b'a: "b\n', "2:1", "a quote is not closed"),
        (b"a: 1\nb\n", "3:1", "this is no `key: value` line"),
        (b"a: @b\n", "1:4", "a value cannot start with this character"),
        (b"a: 1\nb: \xff\n", "2:4", "byte 0xff is not UTF-8"),
        (b"a: 1\nb: x\x07\n", "2:5", "character U+0007 has no place in a YAML file"),
    ],
)
def test_what_cannot_be_read_says_where(data: bytes, where: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(data, "deployer.yaml")
    assert (caught.value.where, caught.value.what) == (f"deployer.yaml:{where}", what)
    assert caught.value.problems


def test_the_line_is_shown_with_a_pointer() -> None:
    with pytest.raises(ConfigError) as caught:
        tree("a: 1\n  b: c: d\n")
    assert caught.value.evidence[0].startswith("2 |   b: c: d")


def test_byte_order_mark_and_windows_lines() -> None:
    source, root = read(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", "deployer.yaml")
    assert plain(root) == {"a": 1, "b": 2}
    assert root.keys["b"] == (2, 1)
    assert "\r" not in source.text


def test_merge_keys_fill_in_what_is_missing() -> None:
    text = "x-c: &c {image: a, env: {A: 1}}\nx-d: &d {image: b, port: 2}\n"
    text += "one: {<<: *c, image: own}\ntwo: {<<: [*c, *d]}\n"
    found = plain(tree(text))
    assert found["one"] == {"image": "own", "env": {"A": 1}}
    assert found["two"] == {"image": "a", "env": {"A": 1}, "port": 2}


def laughs(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


def merges(levels: int) -> str:
    lines = ["a0: &a0 {k: 1}"]
    lines += [f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("bomb", "what", "most"),
    [
        (laughs(9), "more than 50,000 values, counting aliases as often as used", 100),
        (merges(9), "more than 50,000 values, counting aliases as often as used", 150),
        ("[" * 20_000, "nested deeper than 32 levels", 40),
        ("{a: " * 20_000, "nested deeper than 32 levels", 80),
        ("a:\n" + "- x\n" * 200_000, "more than 50,000 values", 50_010),
    ],
)
def test_bombs_end_after_few_events(
    bomb: str, what: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounded by the events that are taken from the parser, on any machine."""
    taken = 0
    parse = yaml.parse

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal taken
        for event in parse(*args, **kwargs):
            taken += 1
            yield event

    monkeypatch.setattr(yaml, "parse", counted)
    with pytest.raises(ConfigError, match=what):
        tree(bomb)
    assert taken <= most


def test_a_megabyte_is_the_most() -> None:
    with pytest.raises(
        ConfigError, match="the file has 1,048,577 bytes; at most 1,048,576 are read"
    ):
        read(b"#" * 1_048_577, "deployer.yaml")


def test_ordinary_anchors_are_no_bomb() -> None:
    text = "x: &x {env: {A: 1, B: 2}}\n" + "\n".join(f"s{n}: *x" for n in range(500))
    assert len(tree(text).entries) == 501


WORDS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x24F, exclude_categories=["Cc"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abcxyz", min_size=1, max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(st.dictionaries(st.text("abcxyz", min_size=1, max_size=4), values, max_size=4, min_size=1))
def test_what_is_written_is_read_back(value: dict[str, Any]) -> None:
    text = json.dumps(value, ensure_ascii=False)  # YAML holds JSON
    assert plain(tree(text)) == value


@settings(deadline=None)
@given(st.text(max_size=200) | st.text(":-{}[]&*!|>'\"%@`#,? \n\tabc<x", max_size=80))
def test_any_text_gives_a_tree_or_a_sentence(text: str) -> None:
    try:
        found: Table | ConfigError = read(text.encode("utf-8", "replace"), "deployer.yaml")[1]
    except ConfigError as error:
        found = error
    assert isinstance(found, Table) or found.problems
