"""A tree of nodes against a shape: every mistake in words, and the value that the tree says."""

from __future__ import annotations

import operator
import re
from typing import Any

from deployer.config.interpolate import variables
from deployer.config.kinds import Kind, Shape, shape
from deployer.config.problems import Mark, Problems
from deployer.config.reading import NUMBER, WHOLE, Items, Node, Scalar, Table
from deployer.config.secretlike import masked
from deployer.quantity import DURATION, SIZE, Bytes, Seconds

_LONGEST = 400 * 86400.0
_LARGEST = 1 << 50
_LIMITS = {name: getattr(operator, name) for name in ("ge", "gt", "le", "lt")}
_WORDS = {
    "text": "a text",
    "whole": "a whole number",
    "number": "a number",
    "truth": "true or false",
    "duration": "a duration like 30s or 1h30m",
    "size": "a size like 512Mi or 1Gi",
    "list": "a list",
    "map": "a mapping",
    "record": "a mapping",
}


class Checker:
    """Checks trees and collects their mistakes in `problems`.

    `lenient`: a value that waits for a `${VARIABLE}` is right for now. `partial`: a layer, whose
    required keys may stand in another one. The values returned are complete only where no
    problem was found.
    """

    def __init__(
        self, problems: Problems, *, lenient: bool = False, partial: bool = False
    ) -> None:
        self.problems = problems
        self.lenient = lenient
        self.partial = partial

    def record(self, table: Table, shape: Shape, path: str = "") -> Any:
        """`table` as an instance of the shape's struct, or as a dict by attribute."""
        values = {}
        for key, node in table.entries.items():
            field = shape.fields.get(key)
            if field is None:
                self._unknown(key, table.keys[key], shape)
            elif not self._absent(node, field.kind, path + key):
                values[field.attribute] = self.value(node, field.kind, path + key)
        self._exclusive(table, shape)
        known = shape.fields.values()
        missing = [one for one in known if one.required and one.attribute not in values]
        for one in [] if self.partial else missing:
            what = f"{path}{one.name} is missing: {shape.noun} needs it"
            fix = f"write {one.name}: … ({one.kind.description})"
            self.problems.add(table.mark, what, fix=fix)
        return values if missing or shape.type is None else shape.type(**values)

    def value(self, node: Node, kind: Kind, path: str) -> Any:
        """`node` as a value of `kind`."""
        if self.lenient and isinstance(node, Scalar) and variables(node.text):
            return None
        found: Any = getattr(self, f"_{kind.name}")(node, kind, path)
        return found

    def wrong(self, node: Node, path: str, needs: str, fix: str | None = None) -> Any:
        """`path` needs something else than `node` is. Gives None, in place of the value."""
        self.problems.add(node.mark, f"{path}: needs {needs}, has {described(node)}", fix=fix)
        return None

    def _absent(self, node: Node, kind: Kind, path: str) -> bool:
        if not (isinstance(node, Scalar) and node.null):
            return False
        if not node.text and kind.name not in ("record", "map"):
            what = f"{path} has no value"
            self.problems.add(
                node.mark, what, fix="write one, or null to take an inherited one away"
            )
        return True

    def _exclusive(self, table: Table, shape: Shape) -> None:
        for row in shape.exclusive:
            both = [key for key in row if key in table.entries]
            if len(both) > 1:
                first, second = both[:2]
                what = f'"{first}" and "{second}" exclude each other'
                later = max(table.keys[first], table.keys[second])
                self.problems.add(later, what, fix="keep one of them")

    def _unknown(self, key: str, mark: Mark, shape: Shape) -> None:
        from deployer.config.suggesting import suggestion

        what = f'"{key}" is no key of {shape.noun}'
        self.problems.add(mark, what, fix=suggestion(key, shape))

    # -- one method for each kind --------------------------------------------------------------

    def _text(self, node: Node, kind: Kind, path: str) -> Any:
        if not isinstance(node, Scalar):
            return self.wrong(node, path, "a text")
        if kind.pattern and not re.fullmatch(kind.pattern, node.text, re.ASCII):
            return self.wrong(node, path, kind.extra.get("shape", f"a text like {kind.pattern}"))
        return node.text

    def _whole(self, node: Node, kind: Kind, path: str) -> Any:
        if not (isinstance(node, Scalar) and WHOLE.fullmatch(node.text)):
            return self.wrong(node, path, _ranged(kind))
        return self._within(node, int(node.text), kind, path)

    def _number(self, node: Node, kind: Kind, path: str) -> Any:
        if not (isinstance(node, Scalar) and NUMBER.fullmatch(node.text)):
            return self.wrong(node, path, _ranged(kind))
        return self._within(node, float(node.text), kind, path)

    def _within(self, node: Node, value: Any, kind: Kind, path: str) -> Any:
        limits = ((test, getattr(kind, name)) for name, test in _LIMITS.items())
        inside = all(test(value, limit) for test, limit in limits if limit is not None)
        return value if inside else self.wrong(node, path, _ranged(kind))

    def _truth(self, node: Node, kind: Kind, path: str) -> Any:
        if isinstance(node, Scalar) and node.text.lower() in ("true", "false"):
            return node.text.lower() == "true"
        return self.wrong(node, path, "true or false")

    def _duration(self, node: Node, kind: Kind, path: str) -> Any:
        if not _matches(DURATION, node):
            fix = (
                f"write {node.text}s" if isinstance(node, Scalar) and node.text.isdigit() else None
            )
            return self.wrong(node, path, _WORDS["duration"], fix)
        found = Seconds.parse(node.text)  # type: ignore[union-attr]  # _matches proves a scalar
        return found if found <= _LONGEST else self.wrong(node, path, "a duration up to 400 days")

    def _size(self, node: Node, kind: Kind, path: str) -> Any:
        if not _matches(SIZE, node):
            return self.wrong(node, path, _WORDS["size"])
        found = Bytes.parse(node.text)  # type: ignore[union-attr]
        return found if found <= _LARGEST else self.wrong(node, path, "a size up to 1024Ti")

    def _choice(self, node: Node, kind: Kind, path: str) -> Any:
        if isinstance(node, Scalar) and node.text in kind.choices:
            return kind.type(node.text) if kind.type else node.text
        return self.wrong(node, path, _ranged(kind))

    def _list(self, node: Node, kind: Kind, path: str) -> Any:
        if not isinstance(node, Items):
            return self.wrong(node, path, "a list", _as_list(node))
        if len(node.items) < (kind.min_length or 0):
            return self.wrong(node, path, "at least one item")
        return tuple(self.value(n, kind.of[0], f"{path}[{i}]") for i, n in enumerate(node.items))

    def _map(self, node: Node, kind: Kind, path: str) -> Any:
        if not isinstance(node, Table):
            return self.wrong(node, path, "a mapping of names to values")
        for key in node.entries:
            self._key(key, node.keys[key], kind.of[0], path)
        if "block" in kind.extra:
            self._blocks(node, path)
            return {}
        return {
            key: self.value(value, kind.of[1], f"{path}.{key}")
            for key, value in node.entries.items()
            if not self._absent(value, kind.of[1], f"{path}.{key}")
        }

    def _key(self, key: str, mark: Mark, kind: Kind, path: str) -> None:
        if kind.pattern and not re.fullmatch(kind.pattern, key, re.ASCII):
            what = f'{path}: "{masked(key)}" is not {kind.extra["shape"]}'
            self.problems.add(mark, what)

    def _blocks(self, node: Table, path: str) -> None:
        for key, value in node.entries.items():
            if not isinstance(value, Table) and not (isinstance(value, Scalar) and value.null):
                self.wrong(value, f"{path}.{key}", "a mapping")

    def _record(self, node: Node, kind: Kind, path: str) -> Any:
        if not isinstance(node, Table):
            return self.wrong(node, path, "a mapping")
        return self.record(node, shape(kind.type), f"{path}.")

    def _either(self, node: Node, kind: Kind, path: str) -> Any:
        form = {Items: ("list",), Table: ("map", "record")}.get(type(node))
        for one in kind.of:
            if one.name in form if form else one.name not in ("list", "map", "record"):
                return self.value(node, one, path)
        return self.wrong(node, path, " or ".join(_WORDS[one.name] for one in kind.of))

    def _any(self, node: Node, kind: Kind, path: str) -> Any:
        if isinstance(node, Scalar):
            return node.value
        if isinstance(node, Items):
            return [self._any(item, kind, path) for item in node.items]
        return {key: self._any(value, kind, path) for key, value in node.entries.items()}


def described(node: Node) -> str:
    """A node as people would say it; nothing that looks like a secret."""
    if isinstance(node, Items):
        return "a list"
    if isinstance(node, Table):
        return "a mapping"
    value = node.value
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return node.text
    if isinstance(value, int | float):
        return f"the number {node.text}"
    return f'the text "{masked(node.text)[:40]}"'


def _matches(pattern: str, node: Node) -> bool:
    return (
        isinstance(node, Scalar)
        and len(node.text) <= 20
        and bool(re.fullmatch(pattern, node.text, re.ASCII))
    )


def _as_list(node: Node) -> str:
    if isinstance(node, Scalar) and re.fullmatch(r"[\w ./-]{1,60}", node.text):
        return f"write [{', '.join(node.text.split())}]"
    return "write it as a list: [one, two]"


def _ranged(kind: Kind) -> str:
    if kind.choices:
        return f"one of {', '.join(kind.choices)}"
    word = _WORDS[kind.name]
    if kind.ge is not None and kind.le is not None:
        return f"{word} from {kind.ge} to {kind.le}"
    if kind.ge is not None:
        return f"{word}, {kind.ge} or more"
    return f"{word} above {kind.gt}" if kind.gt is not None else word
