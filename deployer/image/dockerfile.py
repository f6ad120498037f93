"""A Dockerfile read far enough to check it: instructions with their lines, stages, bases.

The grammar is Docker's reference page; the build itself is BuildKit's business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from deployer.errors import ConfigError
from deployer.registry.reference import Pinned, parse

_DIRECTIVE = re.compile(r"#\s*([A-Za-z]+)\s*=\s*(\S+)\s*$")
_HEREDOC = re.compile(r"<<(-?)\s*([\"']?)([A-Za-z_][A-Za-z0-9_]*)\2")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?([-+])([^}]*))?\})")
_STAGE = re.compile(r"(?P<base>\S+)(?:\s+as\s+(?P<name>\S+))?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its first line (from 1), its word in capitals, flags, and the rest."""

    line: int
    keyword: str
    flags: tuple[tuple[str, str], ...]
    value: str
    heredocs: tuple[str, ...] = ()

    @property
    def exec_form(self) -> list[str] | None:
        """The words of a JSON array, or None for the shell form."""
        try:
            words = json.loads(self.value)
        except ValueError:
            return None
        is_words = isinstance(words, list) and all(isinstance(word, str) for word in words)
        return words if is_words else None

    def flag(self, name: str) -> str | None:
        """The value of `--name=value`, or None."""
        return next((value for key, value in self.flags if key == name), None)


@dataclass(frozen=True, slots=True)
class Stage:
    """One `FROM` and what follows it. `base` has its ARGs filled in as far as they are known."""

    line: int
    name: str
    base: str
    platform: str
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, slots=True)
class Base:
    """An image from outside that the build uses, and the line that names it."""

    line: int
    name: str

    @property
    def pinned(self) -> bool:
        """True if it is named by digest, so that it is the same image tomorrow."""
        try:
            return isinstance(parse(self.name, default_tag="latest"), Pinned)
        except ConfigError:
            return False


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A parsed Dockerfile. `arguments` are the defaults of the ARGs before the first FROM."""

    instructions: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    arguments: Mapping[str, str] = field(default_factory=dict)
    syntax: str = ""

    def final(self, target: str | None = None) -> list[Stage]:
        """The stage that becomes the image, and the stages it builds `FROM`, the final one first.

        Empty if there is no such stage.
        """
        by_name = {stage.name.lower(): stage for stage in self.stages if stage.name}
        by_name |= {str(n): stage for n, stage in enumerate(self.stages)}
        default = self.stages[-1] if self.stages else None
        stage = by_name.get(target.lower()) if target else default
        chain: list[Stage] = []
        while stage and stage not in chain:
            chain.append(stage)
            below = by_name.get(stage.base.lower())
            stage = below if below and below.line < stage.line else None
        return chain

    def bases(self) -> tuple[Base, ...]:
        """Every image from outside: FROM, COPY --from, RUN --mount from, and `# syntax`."""
        found = [Base(1, self.syntax)] if self.syntax else []
        names: set[str] = set()
        for number, stage in enumerate(self.stages):
            if stage.base.lower() not in names | {"scratch"}:
                found.append(Base(stage.line, stage.base))
            names |= {stage.name.lower(), str(number)} - {""}
            found += _used(stage, names, self.arguments)
        return tuple(found)

    def floating(self) -> tuple[Base, ...]:
        """The bases that another build may find changed: those without a digest."""
        return tuple(base for base in self.bases() if not base.pinned)


def parse_dockerfile(text: str, arguments: Mapping[str, str] | None = None) -> Dockerfile:
    """`text` as instructions and stages, with `arguments` (build args) filled into FROM lines.

    What is no Dockerfile gives few or no stages, never an error: complaining is BuildKit's part.
    """
    directives = _directives(text)
    escape = directives.get("escape", "\\")
    instructions = tuple(_instructions(text.splitlines(), escape))
    stages_at = [n for n, each in enumerate(instructions) if each.keyword == "FROM"]
    head = instructions[: stages_at[0]] if stages_at else instructions
    known = _arguments(head, arguments or {})
    ends = [*stages_at[1:], len(instructions)]
    stages = tuple(
        _stage(instructions[a], instructions[a + 1 : b], known)
        for a, b in zip(stages_at, ends, strict=False)
    )
    return Dockerfile(instructions, stages, known, directives.get("syntax", ""))


def floating_bases(text: str, arguments: Mapping[str, str] | None = None) -> tuple[Base, ...]:
    """The bases of a Dockerfile that are not pinned by digest; empty: a build may be skipped."""
    return parse_dockerfile(text, arguments).floating()


def expand(text: str, known: Mapping[str, str]) -> str:
    """`text` with `$X`, `${X}`, `${X:-default}` and `${X:+other}` filled in; unknown is empty."""

    def value(match: re.Match[str]) -> str:
        name, sign, word = match[1] or match[2], match[3], match[4]
        found = known.get(name, "")
        if sign == "+":
            return word if found else ""
        return found or (word or "")

    return _VARIABLE.sub(value, text)


def _directives(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.lstrip("\ufeff").splitlines():
        match = _DIRECTIVE.match(line.strip())
        if not match:
            break
        found.setdefault(match[1].lower(), match[2])
    return found


def _instructions(lines: list[str], escape: str) -> Iterator[Instruction]:
    at = 0
    while at < len(lines):
        first = at
        if _is_blank(lines[at]):
            at += 1
            continue
        joined, at = _joined(lines, at, escape)
        keyword, _, rest = joined.strip().partition(" ")
        flags, value = _flags(rest.strip())
        heredocs: list[str] = []
        if keyword.upper() in ("RUN", "COPY", "ADD"):
            for dash, _, word in _HEREDOC.findall(value):
                body, at = _heredoc(lines, at, word, bool(dash))
                heredocs.append(body)
        yield Instruction(first + 1, keyword.upper(), flags, value, tuple(heredocs))


def _is_blank(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _joined(lines: list[str], at: int, escape: str) -> tuple[str, int]:
    """One logical line: continued lines together, comments between them dropped."""
    parts: list[str] = []
    while at < len(lines):
        line, at = lines[at].rstrip(), at + 1
        if parts and _is_blank(line):
            continue
        if not line.endswith(escape):
            parts.append(line)
            break
        parts.append(line[:-1])
    return " ".join(part.strip() for part in parts).replace("\t", " "), at


def _flags(rest: str) -> tuple[tuple[tuple[str, str], ...], str]:
    flags: list[tuple[str, str]] = []
    while match := re.match(r"--([a-z-]+)(?:=(\S*))?(?:\s+|$)", rest):
        flags.append((match[1], match[2] or ""))
        rest = rest[match.end() :]
    return tuple(flags), rest


def _heredoc(lines: list[str], at: int, word: str, dash: bool) -> tuple[str, int]:
    body: list[str] = []
    while at < len(lines):
        line, at = lines[at], at + 1
        if (line.lstrip("\t") if dash else line) == word:
            break
        body.append(line)
    return "\n".join(body), at


def _arguments(head: tuple[Instruction, ...], given: Mapping[str, str]) -> dict[str, str]:
    known: dict[str, str] = {}
    for each in head:
        if each.keyword == "ARG":
            name, _, default = each.value.partition("=")
            known[name] = given.get(name, expand(default.strip("\"'"), known))
    return known


def _stage(start: Instruction, body: tuple[Instruction, ...], known: Mapping[str, str]) -> Stage:
    match = _STAGE.match(expand(start.value, known).strip())
    base, name = (match["base"], match["name"] or "") if match else (start.value, "")
    platform = expand(start.flag("platform") or "", known)
    return Stage(start.line, name, base, platform, body)


def _used(stage: Stage, names: set[str], known: Mapping[str, str]) -> list[Base]:
    found: list[Base] = []
    for each in stage.instructions:
        mounts = [value for key, value in each.flags if key == "mount"]
        sources = [each.flag("from")] if each.keyword in ("COPY", "ADD") else []
        sources += [m[1] for mount in mounts if (m := re.search(r"(?:^|,)from=([^,]+)", mount))]
        wanted = [expand(source, known) for source in sources if source]
        found += [Base(each.line, name) for name in wanted if name.lower() not in names]
    return found
