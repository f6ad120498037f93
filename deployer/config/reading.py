"""YAML text -> a tree of nodes that know their place.

The file is read by the YAML 1.2 core schema: `no`, `22:22`, `010`, `1_000` and dates are text.
Only events of the parser are used, never its constructors, so that nothing is built before it
is counted: a merge-key bomb of 326 bytes keeps `yaml.safe_load` busy for longer than anybody
waits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from msgspec import Struct

from deployer.config.problems import Mark, Source, together
from deployer.errors import ConfigError

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_NODES = 50_000  # with every alias counted as often as it is used

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
NUMBER = re.compile(r"[-+]?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})([eE][-+]?[0-9]{1,2})?")


class Scalar(Struct, frozen=True):
    """One value as written; `plain` without quotes."""

    text: str
    plain: bool
    mark: Mark

    @property
    def null(self) -> bool:
        """Whether it says nothing: empty, `~` or `null`."""
        return self.plain and self.text in _NULL

    @property
    def value(self) -> str | int | float | bool | None:
        """The value by the core schema."""
        if not self.plain:
            return self.text
        if self.null:
            return None
        if self.text in _TRUE or self.text in _FALSE:
            return self.text in _TRUE
        if WHOLE.fullmatch(self.text):
            return int(self.text)
        leading_zero = re.match(r"[-+]?0[0-9]", self.text)
        return float(self.text) if NUMBER.fullmatch(self.text) and not leading_zero else self.text


class Items(Struct, frozen=True):
    """A list."""

    items: list[Node]
    mark: Mark


class Table(Struct, frozen=True):
    """A mapping; `keys` says where each key stands."""

    entries: dict[str, Node]
    keys: dict[str, Mark]
    mark: Mark


Node = Scalar | Items | Table


def read(data: bytes, name: str) -> tuple[Source, Table]:
    """The file's text and its tree. Raises ConfigError with file:line:column."""
    source = Source(name, _decode(data, name))
    try:
        root = _Builder(source).build(yaml.parse(source.text, Loader=_LOADER))
    except yaml.YAMLError as error:
        raise together(name, [_translate(source, error)]) from None
    except ConfigError as error:
        raise together(name, [error]) from None
    if isinstance(root, Table):
        return source, root
    what = "the file is a list of keys and values, and has none" if root else "the file is empty"
    fix = "write `app: NAME` first, or let `deployer init` write the file"
    raise together(name, [source.error(root.mark if root else Mark(1, 1), what, fix=fix)])


def empty() -> Table:
    """A mapping with nothing in it, from nowhere."""
    return Table({}, {}, Mark(1, 1))


def _decode(data: bytes, name: str) -> str:
    if len(data) > MAX_BYTES:
        what = f"the file has {len(data):,} bytes; at most {MAX_BYTES:,} are read"
        raise together(name, [ConfigError(what, where=name)])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise together(
            name,
            [
                ConfigError(
                    f"byte 0x{data[error.start]:02x} is not UTF-8",
                    where=f"{name}:{line}:{column}",
                    fix="save the file as UTF-8",
                )
            ],
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


class _Frame(Struct):
    """A list or a mapping under construction. `cost` counts its nodes, aliases expanded."""

    mark: Mark
    anchor: str | None
    items: list[Node] | None
    start: int
    entries: dict[str, Node] = {}
    keys: dict[str, Mark] = {}
    merges: list[Node] = []
    key: Scalar | None = None


class _Builder:
    """Events in, one tree out; counts while it goes and stops at the first event too many."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.stack: list[_Frame] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.count = 0
        self.documents = 0
        self.root: Node | None = None

    def build(self, events: Iterator[Any]) -> Node | None:
        for event in events:
            handler = _HANDLERS.get(type(event))
            if handler:
                handler(self, event)
        return self.root

    def document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            raise self.source.error(
                _mark(event),
                "a second document starts here; deployer.yaml is one document",
                fix="remove the `---`, or move the second document to its own file",
            )

    def open(self, event: Any) -> None:
        self._refuse_tag(event)
        self._count(event, 1)
        if len(self.stack) >= MAX_DEPTH:
            raise self.source.error(_mark(event), f"nested deeper than {MAX_DEPTH} levels")
        items: list[Node] | None = [] if isinstance(event, yaml.SequenceStartEvent) else None
        self.stack.append(_Frame(_mark(event), event.anchor, items, self.count - 1))

    def close(self, _: Any) -> None:
        frame = self.stack.pop()
        node = _finished(frame, self.source)
        if frame.anchor:
            self.anchors[frame.anchor] = (node, self.count - frame.start)
        self._place(node)

    def scalar(self, event: Any) -> None:
        self._refuse_tag(event)
        self._count(event, 1)
        plain = event.style in (None, "") and event.implicit[0]
        node = Scalar(event.value, plain, _mark(event))
        if event.anchor:
            self.anchors[event.anchor] = (node, 1)
        self._place(node)

    def alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            raise self.source.error(
                _mark(event),
                f"*{event.anchor} refers to nothing above it",
                fix=f"write &{event.anchor} before the value that is meant",
            )
        node, cost = self.anchors[event.anchor]
        self._count(event, cost)
        self._place(node)

    def _count(self, event: Any, cost: int) -> None:
        self.count += cost
        if self.count > MAX_NODES:
            raise self.source.error(
                _mark(event), f"more than {MAX_NODES:,} values, counting aliases as often as used"
            )

    def _refuse_tag(self, event: Any) -> None:
        if event.tag:
            raise self.source.error(
                _mark(event),
                "YAML tags (`!…`) are not read",
                why="a tag makes a program build objects from a file",
                fix="remove the tag; quote the value where it is meant as text",
            )

    def _place(self, node: Node) -> None:
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        if frame.items is not None:
            frame.items.append(node)
        elif frame.key is None:
            frame.key = self._key(node)
        else:
            self._enter(frame, frame.key, node)
            frame.key = None

    def _key(self, node: Node) -> Scalar:
        if isinstance(node, Scalar) and node.text:
            return node
        raise self.source.error(node.mark, "a key must be a word")

    def _enter(self, frame: _Frame, key: Scalar, node: Node) -> None:
        if key.text in frame.keys:
            raise self.source.error(
                key.mark,
                f'"{key.text}" stands twice, first in line {frame.keys[key.text].line}',
                fix="keep one of the two",
            )
        frame.keys[key.text] = key.mark
        if key.plain and key.text == "<<":
            frame.merges += node.items if isinstance(node, Items) else [node]
        else:
            frame.entries[key.text] = node


_HANDLERS: dict[type, Any] = {
    yaml.DocumentStartEvent: _Builder.document,
    yaml.MappingStartEvent: _Builder.open,
    yaml.SequenceStartEvent: _Builder.open,
    yaml.MappingEndEvent: _Builder.close,
    yaml.SequenceEndEvent: _Builder.close,
    yaml.ScalarEvent: _Builder.scalar,
    yaml.AliasEvent: _Builder.alias,
}


def _finished(frame: _Frame, source: Source) -> Node:
    if frame.items is not None:
        return Items(frame.items, frame.mark)
    keys = {key: mark for key, mark in frame.keys.items() if key in frame.entries}
    for merged in frame.merges:
        if not isinstance(merged, Table):
            raise source.error(merged.mark, "`<<` merges mappings, and this is none")
        for key, node in merged.entries.items():
            if key not in frame.entries:
                frame.entries[key], keys[key] = node, merged.keys[key]
    return Table(frame.entries, keys, frame.mark)


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def _translate(source: Source, error: yaml.YAMLError) -> ConfigError:
    from deployer.config.yamlwords import translate

    return translate(source, error)
