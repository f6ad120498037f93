"""Secrets that would reach the image: files of the filtered context, by name and by content.

What is found is named by file, line and rule; the secret itself is never repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path

from deployer.image.context import Context, Entry

LARGEST = 1 << 20  # bytes; a larger file is data, not configuration


class Severity(StrEnum):
    """How much a finding weighs: an error stops a ship."""

    ERROR = "error"
    WARN = "warn"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend. `line` counts from 1; 0 means the file as a whole."""

    rule: str
    severity: Severity
    file: Path
    line: int
    message: str
    fix: str

    @property
    def where(self) -> str:
        """`file:line`, or the file alone."""
        return f"{self.file}:{self.line}" if self.line else str(self.file)


_EXEMPT = re.compile(r"\.(?:example|sample|template|dist)$", re.IGNORECASE)
_NAMES = re.compile(
    r"(?:^|/)(?:\.env(?:\.[\w.-]+)?|id_(?:rsa|dsa|ecdsa|ed25519)|\.npmrc|\.pypirc|\.netrc"
    r"|\.git-credentials|\.aws/credentials|\.docker/config\.json|[^/]*\.(?:p12|pfx|jks|key)"
    r"|[^/]*\.tfstate|service[-_]account[^/]*\.json|application_default_credentials\.json)$"
)
_CONTENTS = {
    # rule: words that must be there (quick to find), and the expression that decides
    "private-key": ((b"PRIVATE KEY-----",), rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    "aws-access-key": ((b"AKIA", b"ASIA"), rb"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
    "google-service-account": ((b"service_account",), rb"\"type\":\s*\"service_account\""),
    "azure-storage-key": ((b"AccountKey=",), rb"AccountKey=[A-Za-z0-9+/=]{80,}"),
    "github-token": (
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"),
        rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60,})\b",
    ),
    "gitlab-token": ((b"glpat-",), rb"\bglpat-[A-Za-z0-9_-]{20,}"),
    "slack-token": ((b"xox",), rb"\bxox[baprs]-[0-9A-Za-z-]{10,}"),
    "stripe-key": ((b"k_live_",), rb"\b[sr]k_live_[0-9a-zA-Z]{20,}"),
}


def leaks(context: Context) -> list[Finding]:
    """The secrets that `context` would send to the builder, sorted by file."""
    files = [
        entry for entry in context.entries if entry.is_file and not _EXEMPT.search(entry.path)
    ]
    by_name = [_named(context, entry) for entry in files if _NAMES.search(entry.path)]
    small = [entry for entry in files if 0 < entry.size <= LARGEST]
    with ThreadPoolExecutor() as pool:
        by_content = chain.from_iterable(pool.map(lambda e: list(_read(context, e)), small))
    return [*_git(context), *by_name, *by_content]


def _git(context: Context) -> list[Finding]:
    if not any(entry.path == ".git/config" for entry in context.entries):
        return []
    return [
        Finding(
            "git-in-context",
            Severity.ERROR,
            context.root / ".git",
            0,
            "the whole history, and the remote's credentials if it has any, reach the build",
            "add `.git` to .dockerignore",
        )
    ]


def _named(context: Context, entry: Entry) -> Finding:
    return Finding(
        "secret-file",
        Severity.ERROR,
        context.root / entry.path,
        0,
        f"`{entry.path}` usually holds secrets, and reaches the build",
        f"add `{entry.path}` to .dockerignore; give the build what it needs by build.secrets",
    )


def _read(context: Context, entry: Entry) -> Iterator[Finding]:
    file = context.root / entry.path
    try:
        data = file.read_bytes()
    except OSError:
        return  # the build will say it
    if b"\0" in data[:8192]:
        return  # a program or an image, not text
    for rule, (words, pattern) in _CONTENTS.items():
        if any(word in data for word in words) and (found := re.search(pattern, data)):
            line = data.count(b"\n", 0, found.start()) + 1
            message = f"`{entry.path}` contains what looks like a secret ({rule})"
            fix = "revoke it, take it out, and pass it by secrets at run time"
            yield Finding(rule, Severity.ERROR, file, line, message, fix)
