"""Reading dotenv files: plain values only, from regular files below one folder."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from deployer.config.problems import Source, together
from deployer.config.secretlike import secret_pair
from deployer.errors import ConfigError

MAX_BYTES = 256 << 10
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'")
_ESCAPE = {"n": "\n", "t": "\t", "r": "\r"}


def read_env(root: Path, name: str) -> dict[str, str]:
    """The variables of file `name` below `root`.

    Raises ConfigError with file:line for every line that cannot be read or looks like a secret.
    """
    text = _decoded(read_below(root, name), name)
    return parse_env(Source(name, text))


def parse_env(source: Source) -> dict[str, str]:
    """`KEY=value` lines; comments, quotes and `export` are understood."""
    found: dict[str, str] = {}
    problems: list[ConfigError] = []
    for number, line in enumerate(source.text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                key, value = _pair(line, number, source)
                found[key] = value
            except ConfigError as error:
                problems.append(error)
    if problems:
        raise together(source.name, problems)
    return found


def read_below(root: Path, name: str) -> bytes:
    """The bytes of a regular file below `root`, links followed only as far as they stay there."""
    top = os.path.realpath(root)
    path = os.path.realpath(os.path.join(top, name))  # noqa: PTH118  # realpath needs no Path
    if os.path.commonpath([top, path]) != top or path == top:
        raise ConfigError(
            f"{name} leads out of the folder of deployer.yaml",
            where=name,
            fix="copy the file below that folder",
        )
    return read_regular(path, name, MAX_BYTES)


def read_regular(path: str, name: str, limit: int) -> bytes:
    """The bytes of a regular file of at most `limit` bytes. A pipe or device is refused."""
    try:
        # A FIFO would block the open for ever; NOFOLLOW: the path was resolved a moment ago.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror}", where=name) from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ConfigError(f"{name} is not a regular file", where=name)
    with os.fdopen(handle, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ConfigError(f"{name} has more than {limit:,} bytes", where=name)
    return data


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{name} is not UTF-8", where=name, fix="save it as UTF-8") from None


def _pair(line: str, number: int, source: Source) -> tuple[str, str]:
    match = _LINE.fullmatch(line)
    if not match:
        raise _bad(source, number, "this is no `KEY=value` line")
    key, value = match[1], _value(match[2].strip(), number, source)
    if secret_pair(key, value):
        what = f"{key} looks like a secret"
        fix = f"remove the line and write {key} under `secrets:` in deployer.yaml"
        raise _bad(source, number, what, fix)
    return key, value


def _value(raw: str, number: int, source: Source) -> str:
    quoted = _QUOTED.match(raw)
    if raw[:1] in ("'", '"') and not quoted:
        raise _bad(source, number, "a quote is not closed on this line")
    if quoted and not re.fullmatch(r"\s*(#.*)?", raw[quoted.end() :]):
        raise _bad(source, number, "something follows the closing quote")
    if quoted and quoted[2] is not None:
        return quoted[2]
    inner = quoted[1] if quoted else re.split(r"\s+#|^#", raw)[0]
    if "${" in inner:
        what = "variables are not filled in here"
        raise _bad(source, number, what, "write the line under `env:` in deployer.yaml")
    return re.sub(r"\\(.)", _unescaped, inner) if quoted else inner


def _unescaped(match: re.Match[str]) -> str:
    return _ESCAPE.get(match[1], match[1])


def _bad(source: Source, number: int, what: str, fix: str | None = None) -> ConfigError:
    """No line is shown: a file of variables is where secrets are found."""
    return ConfigError(what, where=f"{source.name}:{number}", fix=fix)
