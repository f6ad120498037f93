"""Mistakes in a file: where each stands, collected so that all of them are told at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from deployer.config.secretlike import masked
from deployer.errors import ConfigError

_WIDEST = 120


class Mark(NamedTuple):
    """A place in a file; both count from 1."""

    line: int
    column: int


class Source(Struct, frozen=True):
    """A file's text under the name that people know it by."""

    name: str
    text: str

    def error(
        self, mark: Mark, what: str, *, why: str | None = None, fix: str | None = None
    ) -> ConfigError:
        """`what` is wrong at `mark`, with the line itself as evidence and secrets masked."""
        where = f"{self.name}:{mark.line}:{mark.column}"
        return ConfigError(what, where=where, why=why, fix=fix, evidence=self._shown(mark))

    def _shown(self, mark: Mark) -> tuple[str, ...]:
        lines = self.text.split("\n")
        if mark.line > len(lines) or not lines[mark.line - 1].strip():
            return ()
        line = masked(lines[mark.line - 1].rstrip())[:_WIDEST]
        number = str(mark.line)
        first = f"{number} | {line}"
        if mark.column > len(line):
            return (first,)
        return (first, " " * len(number) + " | " + " " * (mark.column - 1) + "^")


class Problems:
    """A list of mistakes without doubles, in the order of the file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.count = 0  # doubles included, so that it grows whenever anything is wrong
        self._found: dict[tuple[str, Mark], ConfigError] = {}

    def add(
        self, mark: Mark, what: str, *, why: str | None = None, fix: str | None = None
    ) -> None:
        """One more mistake. The same words at the same place count once."""
        self.count += 1
        if (what, mark) not in self._found:
            self._found[what, mark] = self.source.error(mark, what, why=why, fix=fix)

    def include(self, error: ConfigError, mark: Mark) -> None:
        """Mistakes of another file, which is named at `mark`."""
        if not error.problems:
            self.add(mark, error.what, fix=error.fix)
        for problem in error.problems:
            self.count += 1
            self._found[f"{problem.where} {problem.what}", mark] = problem

    def stop(self) -> None:
        """Raise ConfigError if there is any mistake."""
        if self._found:
            ordered = sorted(self._found.items(), key=lambda item: item[0][1])
            raise together(self.source.name, [problem for _, problem in ordered])


def together(name: str, problems: Iterable[ConfigError]) -> ConfigError:
    """One error for all of them; a single one speaks for itself."""
    found = tuple(problems)
    if len(found) > 1:
        return ConfigError(f"{name} has {len(found)} mistakes", where=name, problems=found)
    (one,) = found
    return ConfigError(
        one.what, where=one.where, why=one.why, evidence=one.evidence, fix=one.fix, problems=found
    )
