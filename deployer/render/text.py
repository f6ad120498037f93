"""Making text safe and short: foreign lines without control sequences, cut to a width."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from deployer.secret import redact

_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC: titles, links, the clipboard
    r"|\x1b[PX^_].*?(?:\x1b\\|$)"  # DCS, SOS, PM, APC
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours and cursor movements
    r"|\x1b[ -/]*[0-~]?"
)
_BREAKS = re.compile("\r?\n|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_HIDDEN = re.compile("[\u200b\u200e\u200f\u061c\u202a-\u202e\u2060-\u2069\ufeff]")
SOURCE = re.compile(r" *\d* \|")  # a line of a file with its number, or the mark below one
_ASCII = str.maketrans(
    {"…": "...", "→": "->", "•": "*", "·": "-", "\u2013": "-", "—": "-", "✓": "+", "✗": "x"}
    | {"“": '"', "”": '"', "\u2018": "'", "\u2019": "'", "\u00d7": "x", "≥": ">=", "≤": "<="}
)


def clean(text: str) -> str:
    """One line of untrusted text, safe for terminals and CI logs, its secrets masked.

    Masking comes first: a secret that is cut to a width is not recognised any more.
    Escape sequences, control and direction characters are dropped; of a line that was drawn over
    with carriage returns the last state stays. `##[` starts a command of GitHub's runner
    anywhere in a line (actions/runner, ActionCommand.cs), so it is taken apart.
    """
    whole = " ".join(_last_drawn(line) for line in _BREAKS.split(redact(text)))
    plain = _HIDDEN.sub("", _ESCAPES.sub("", whole)).replace("\t", "    ")
    shown = "".join(_shown(c) for c in plain)
    return shown.replace("##[", "## [").rstrip()


def quoted(lines: Iterable[str]) -> list[str]:
    """Untrusted lines behind a bar: `::command::` counts only at the start of a line.

    Lines of a file, as `12 | port: 80`, have their bar already.
    """
    safe = [clean(line) for text in lines for line in text.split("\n")]
    return [line if SOURCE.match(line) else f"| {line}".rstrip() for line in safe]


def ascii_only(text: str) -> str:
    """`text` for places that show nothing but ASCII."""
    return text.translate(_ASCII).encode("ascii", "backslashreplace").decode()


def width_of(text: str) -> int:
    """Columns that `text` takes in a terminal."""
    return sum(map(_columns, text))


def fit(text: str, width: int, ellipsis: str = "…") -> str:
    """`text` cut to `width` columns, with `ellipsis` where something is missing."""
    if width_of(text) <= width:
        return text
    room, kept = width - len(ellipsis), ""
    for char in text:
        room -= _columns(char)
        if room < 0:
            break
        kept += char
    return (kept + ellipsis)[: max(0, width)]


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` columns, cut at spaces where there are any."""
    first, *words = text.split(" ")
    lines = [first]
    for word in words:
        longer = f"{lines[-1]} {word}"
        if width_of(longer) > width and lines[-1].strip():
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def chunks(text: str, width: int) -> list[str]:
    """`text` in pieces of at most `width` columns, cut anywhere."""
    pieces = [""]
    for char in text:
        if width_of(pieces[-1]) + _columns(char) > max(2, width):
            pieces.append("")
        pieces[-1] += char
    return pieces


def duration(seconds: float) -> str:
    """`0.4s`, `12s`, `3m05s`, `2h10m`."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def ago(then: float, now: float) -> str:
    """`just now`, `5 min ago`, `3 h ago`, `12 days ago`."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if now - then >= size * (2 if unit == "days" else 1):
            return f"{int((now - then) // size)} {unit} ago"
    return "just now"


def _last_drawn(line: str) -> str:
    return next((part for part in reversed(line.split("\r")) if part.strip()), "")


def _shown(char: str) -> str:
    if char == " " or char.isprintable():
        return char
    kind = unicodedata.category(char)
    return " " if kind in ("Zs", "Zl", "Zp") else "\ufffd" if kind == "Cs" else ""


def _columns(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
