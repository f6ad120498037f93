"""What the YAML parser says, in words that tell what to do."""

from __future__ import annotations

import yaml

from deployer.config.problems import Mark, Source
from deployer.errors import ConfigError

_WORDS = {
    "mapping values are not allowed": (
        "a second `: ` on this line, or a line indented too far",
        'quote a value that contains `: `, as key: "a: b"',
    ),
    "could not find expected ':'": ("this is no `key: value` line", "add the colon, or quote it"),
    "did not find expected ',' or '}'": ("a `{` is not closed by `}`", "close the brace"),
    "did not find expected ',' or ']'": ("a `[` is not closed by `]`", "close the bracket"),
    "unexpected end of stream": ("a quote is not closed", "close the quote"),
    "did not find expected key": (
        "this line does not line up with the ones before it",
        "indent it like its neighbours, or close the quote or bracket above",
    ),
    "did not find expected '-' indicator": (
        "this line does not line up with the list before it",
        "start it with `- `, in the column of the list",
    ),
    "unknown escape character": (
        'a backslash in "double quotes" starts an escape, and this is none',
        "use 'single quotes'",
    ),
    "cannot start any token": (
        "a value cannot start with this character",
        'quote it, as key: "@value"',
    ),
    "block sequence entries are not allowed": (
        "a list starts where none may",
        "start the list on its own line, below its key",
    ),
}


def translate(source: Source, error: yaml.YAMLError) -> ConfigError:
    """The parser's `error` as one of ours, at its place in the file."""
    if isinstance(error, yaml.reader.ReaderError):
        return _unreadable(source, error)
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)
    problem = str(getattr(error, "problem", None) or error)
    if _tab(source, place):
        what = "a tab indents this line; YAML knows only spaces there"
        return source.error(place, what, fix="replace the tab by spaces")
    what, fix = next(
        (words for said, words in _WORDS.items() if said in problem),
        (f"this is not YAML: {problem}", None),
    )
    context = getattr(error, "context_mark", None)
    opened = f"it began in line {context.line + 1}" if context else None
    return source.error(place, what, why=opened, fix=fix)


def _tab(source: Source, place: Mark) -> bool:
    lines = source.text.split("\n")
    if place.line > len(lines):
        return False
    line = lines[place.line - 1]
    return "\t" in line[: len(line) - len(line.lstrip())]


def _unreadable(source: Source, error: yaml.reader.ReaderError) -> ConfigError:
    code = error.character if isinstance(error.character, int) else ord(str(error.character)[:1])
    before = source.text[: source.text.find(chr(code))]
    place = Mark(before.count("\n") + 1, len(before) - before.rfind("\n"))
    what = f"character U+{code:04X} has no place in a YAML file"
    return source.error(place, what, fix="remove it")
