"""Names that refer to each other: order, cycles, and what else was meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter


def cycle(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """A way from a name back to itself, or nothing."""
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        way: list[str] = error.args[1]
        return way[::-1]
    return []


def ordered(needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """All names, each after those it needs. Without a cycle."""
    return tuple(TopologicalSorter(needs).static_order())


def listed(name: str, known: Iterable[str], what: str) -> str:
    """`did you mean "api"?`, or all the names there are."""
    from deployer.config.suggesting import closest

    names = list(known)
    meant = closest(name, names)
    if meant and meant != name:
        return f'did you mean "{meant}"?'
    return f"known {what} are: {', '.join(sorted(names))}" if names else f"there are no {what}"
