"""`.dockerignore` as Docker reads it (moby/patternmatcher, ignorefile).

Go's filepath.Match with `**`; a pattern also covers what lies below; the last match wins.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from deployer.errors import ConfigError


@dataclass(frozen=True)
class Ignore:
    """Compiled patterns; `file` is where they come from, None if there is no such file."""

    patterns: tuple[tuple[str, bool], ...]
    file: Path | None = None

    def excludes(self, path: str) -> bool:
        """True if `path` (relative, with `/`) does not reach the build."""
        if not self._negates:
            return bool(self._any.fullmatch(path)) if self.patterns else False
        for regex, keeps in reversed(self._regexes):
            if regex.fullmatch(path):
                return not keeps
        return False

    def prunes(self, folder: str) -> bool:
        """True if nothing below the excluded `folder` can be kept by an exception.

        For an exception with wildcards the answer is BuildKit's since 0.10; older ones skip the
        folder, and so send less than we count.
        """
        return not any(keeps and _may_be_below(p, folder) for p, keeps in self.patterns)

    @cached_property
    def _negates(self) -> bool:
        return any(keeps for _, keeps in self.patterns)

    @cached_property
    def _regexes(self) -> list[tuple[re.Pattern[str], bool]]:
        return [(re.compile(to_regex(p), re.DOTALL), keeps) for p, keeps in self.patterns]

    @cached_property
    def _any(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{to_regex(p)})" for p, _ in self.patterns), re.DOTALL)


def load_ignore(context: Path, dockerfile: Path) -> Ignore:
    """The patterns for this build: `<Dockerfile>.dockerignore` wins over the context's own."""
    for file in (
        dockerfile.with_name(dockerfile.name + ".dockerignore"),
        context / ".dockerignore",
    ):
        try:
            text = file.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            continue
        return parse_ignore(text.splitlines(), file)
    return Ignore(())


def parse_ignore(lines: Iterable[str], file: Path | None = None) -> Ignore:
    """Patterns out of the file's lines; ConfigError with file:line for one that Docker refuses."""
    found: list[tuple[str, bool]] = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if line.startswith("#") or not text:
            continue
        keeps = text.startswith("!")
        pattern = _clean(text[1:].strip() if keeps else text)
        if not pattern or (keeps and not text[1:].strip()):
            raise _bad(text, file, number)
        try:
            re.compile(to_regex(pattern))
        except re.error as error:
            raise _bad(text, file, number) from error
        found.append((pattern, keeps))
    return Ignore(tuple(found), file)


def to_regex(pattern: str) -> str:
    """A regular expression for the paths that `pattern` covers, itself and all below it."""
    out, at = "", 0
    while at < len(pattern):
        piece, at = _piece(pattern, at)
        out += piece
    return f"{out}(?:/.*)?"


def _piece(pattern: str, at: int) -> tuple[str, int]:
    char = pattern[at]
    if pattern.startswith("**", at):
        at += 2
        if pattern.startswith("/", at):
            at += 1
        return (".*", at) if at >= len(pattern) else ("(?:.*/)?", at)
    if char == "*":
        return "[^/]*", at + 1
    if char == "?":
        return "[^/]", at + 1
    if char == "[" and (end := pattern.find("]", at + 2)) > 0:
        inside = pattern[at + 1 : end].replace("[", r"\[")
        return f"(?!/)[{inside}]", end + 1
    if char == "[":
        raise re.error("missing ]")
    if char == "\\" and at + 1 < len(pattern):
        return re.escape(pattern[at + 1]), at + 2
    return re.escape(char), at + 1


def _clean(text: str) -> str:
    return posixpath.normpath(text).lstrip("/") if text else ""


def _may_be_below(pattern: str, folder: str) -> bool:
    literal = re.split(r"[*?\[\\]", pattern, maxsplit=1)[0]
    return literal != pattern or f"{pattern}/".startswith(f"{folder}/")


def _bad(text: str, file: Path | None, line: int) -> ConfigError:
    return ConfigError(
        f"`{text}` is not a pattern",
        where=f"{file}:{line}" if file else None,
        why="Docker refuses the whole file because of it",
        fix="close the bracket, or write a path after the `!`",
    )
