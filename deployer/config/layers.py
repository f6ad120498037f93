"""Layers of one service, laid over each other: the upper one wins, key by key."""

from __future__ import annotations

from collections.abc import Iterable

from deployer.config.kinds import Field, Kind, Shape, shape
from deployer.config.reading import Node, Scalar, Table, empty


def stacked(layers: Iterable[Table], keys: Shape) -> Table:
    """All layers as one, the last one uppermost."""
    result = empty()
    for layer in layers:
        result = merge(result, layer, keys)
    return result


def merge(lower: Table, upper: Table, keys: Shape) -> Table:
    """`upper` over `lower`.

    Mappings are merged key by key, lists and single values replaced. `null` takes a value away.
    A key that excludes another one, as `image` does `build`, takes it away too.
    """
    entries, places = dict(lower.entries), {**lower.keys, **upper.keys}
    for key, node in upper.entries.items():
        for rival in _rivals(key, keys):
            entries.pop(rival, None)
        if not _null(node):
            entries[key] = _over(entries.get(key), node, keys.fields.get(key))
        elif not _section(keys.fields.get(key)):
            entries.pop(key, None)
    _separate(entries, upper)
    marks = {key: places[key] for key in entries}
    return Table(entries, marks, lower.mark if lower.entries else upper.mark)


def _over(lower: Node | None, upper: Node, field: Field | None) -> Node:
    if not (isinstance(upper, Table) and field and _section(field)):
        return upper
    below = lower if isinstance(lower, Table) else empty()
    return merge(below, upper, _inner(field.kind))


def _inner(kind: Kind) -> Shape:
    return shape(kind.type) if kind.name == "record" else Shape("a mapping", {})


def _section(field: Field | None) -> bool:
    return field is not None and field.kind.name in ("record", "map", "either")


def _rivals(key: str, keys: Shape) -> list[str]:
    return [other for row in keys.exclusive if key in row for other in row if other != key]


def _separate(entries: dict[str, Node], upper: Table) -> None:
    """A variable is plain or secret; what the upper layer says about it holds."""
    for mine, other in (("secrets", "env"), ("env", "secrets")):
        said, rest = upper.entries.get(mine), entries.get(other)
        if not (isinstance(said, Table) and isinstance(rest, Table)):
            continue
        own = upper.entries.get(other)
        kept = {
            name: node
            for name, node in rest.entries.items()
            if name not in said.entries or (isinstance(own, Table) and name in own.entries)
        }
        entries[other] = Table(kept, {name: rest.keys[name] for name in kept}, rest.mark)


def _null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.null
