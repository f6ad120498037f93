"""What looks like a secret, by its name or by its value; and lines shown with both masked."""

from __future__ import annotations

import re

from deployer.secret import MASK

_NAME = re.compile(
    r"(^|_)(PASSWORD|PASSWD|PWD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|AUTH"
    r"|API_?KEY|SECRET_?KEY|PRIVATE_?KEY|ACCESS_?KEY|ENCRYPTION_?KEY|SIGNING_?KEY|MASTER_?KEY)$"
)
_JOINED = re.compile(r"(PASSWORD|PASSWD|APIKEY|SECRETKEY)$")
_PUBLIC = re.compile(
    r"^(NEXT_PUBLIC|NUXT_PUBLIC|REACT_APP|VITE|PUBLIC)_|(PUBLIC|PUBLISHABLE)_KEY$"
)
_HARMLESS = re.compile(r"(?i)true|false|on|off|yes|no|null|none|[0-9]{1,4}|/[\w./-]*|")
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)")
_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}|gh[pousr]_\w{20,}|github_pat_\w{20,}"
    r"|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|[rs]k_live_\w{16,}|AIza[\w-]{30,}"
    r"|eyJ[\w-]{8,}\.eyJ[\w-]{8,}"
)
_ASSIGNED = re.compile(r"([A-Za-z_][\w-]*)[\"']?\s*[:=]\s*(?=\S)")


def secret_name(name: str) -> bool:
    """Whether a variable of this name usually holds a secret: `DB_PASSWORD`, not `TOKEN_TTL`."""
    upper = name.upper().replace("-", "_")
    return bool(_NAME.search(upper) or _JOINED.search(upper)) and not _PUBLIC.search(upper)


def secret_value(value: str) -> bool:
    """Whether the value is one by its form: a key, a known token, an address with a password."""
    return bool(_VALUE.search(value) or _CREDENTIALS.search(value))


def secret_pair(name: str, value: str) -> bool:
    """Whether `name=value` must not stand in a plain file: switches, numbers and paths may."""
    if secret_value(value):
        return True
    return secret_name(name) and not _HARMLESS.fullmatch(value)


def masked(line: str) -> str:
    """`line` of a file as it may be shown: what follows a secret's name is cut off."""
    line = _CREDENTIALS.sub(MASK, line)
    line = re.sub(rf"({_VALUE.pattern})\S*", MASK, line)
    for match in _ASSIGNED.finditer(line):
        if secret_name(match[1]):
            return line[: match.end()] + MASK
    return line
