"""The reference of all commands, made from the command line itself.

`python -m deployer.cli.reference > docs/reference/commands.md`; a test compares the two.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

from deployer.cli.main import verb
from deployer.cli.verbs import GROUPS, VERBS

CODES = {
    "0": "live and verified, or unchanged; for commands that only look: nothing is wrong",
    "1": "a bug in deployer",
    "2": "usage or configuration",
    "3": "failed before anything changed: build, push, preflight, release command, "
    "or a version that never got traffic",
    "4": "a gate blocks what was explicitly asked for",
    "5": "failed after traffic had moved, and rolled back: the previous release is serving",
    "6": "a person is needed: the rollback failed, or the state is unknown",
    "7": "busy: another deployment holds the lease, or a newer one superseded ours",
    "8": "credentials or permission",
    "9": "conflict: somebody else changed the target, or the plan is stale",
    "10": "`plan --detailed-exitcode`: something would change",
    "75": "the provider failed transiently after all retries; safe to run again",
    "130, 143": "stopped by Ctrl-C or SIGTERM; recorded, the same command goes on",
}
VARIABLES = {
    "DEPLOYER_…": "as named at the options; an option wins over its variable, both over the file",
    "NO_COLOR, FORCE_COLOR": "no colours, or colours also in pipes; `NO_COLOR` wins",
    "TERM=dumb": "lines instead of a live tree, no colours",
}
HEAD = """\
# Commands

Made by `python -m deployer.cli.reference`; edit the commands, not this page.

Results go to stdout, everything else to stderr. Each command takes `--json` (one document on
stdout with `schema_version`, `command`, `outcome` and `exit_code`, also on failure) and
`--events ndjson` (what happens as one JSON object a line, the last one of type `end`). Durations
are written as `30s`, `10m` or `1h30m`.
"""


def reference() -> str:
    """The whole page."""
    verbs = [line for name in VERBS for line in _verb(name)]
    text = "\n".join([HEAD, *_codes(), *_variables(), *verbs])
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def _verb(name: str) -> Iterator[str]:
    made = verb(name)
    if name in GROUPS:
        yield from ("", f"## {name}", "", VERBS[name])
        for below, one in made.commands.items():
            yield from _command(f"{name} {below}", one, "###")
    else:
        yield from _command(name, made, "##")


def _command(name: str, one: Any, level: str) -> Iterator[str]:
    arguments = [_usage(param) for param in one.params if _is_argument(param)]
    yield from ("", f"{level} {name}", "", (one.help or "").strip(), "", "```")
    yield " ".join(["deployer", name, *arguments, "[OPTIONS]"])
    yield from ("```", "", "| option | meaning |", "|---|---|")
    yield from (_row(param) for param in one.params)


def _row(param: Any) -> str:
    if _is_argument(param):
        return f"| `{_usage(param)}` | {_cell(param.help)} |"
    value = "" if param.is_flag else f" {_metavar(param)}"
    names = ", ".join(f"`{option}`" for option in param.opts)
    notes = [_cell(param.help)]
    if param.envvar:
        notes.append(f"variable `{param.envvar}`")
    if param.default and not param.is_flag:
        notes.append(f"default `{param.default}`")
    return f"| {names}{value} | {'; '.join(notes)} |"


def _metavar(param: Any) -> str:
    choices = getattr(param.type, "choices", None)
    if choices:
        return "`" + "` or `".join(str(choice) for choice in choices) + "`"
    return f"`{param.metavar or 'N'}`"


def _usage(param: Any) -> str:
    choices = getattr(param.type, "choices", None)
    name = str(param.metavar or ("|".join(map(str, choices)) if choices else param.name.upper()))
    return name if param.required or name.startswith("[") else f"[{name}]"


def _is_argument(param: Any) -> bool:
    return not param.opts[0].startswith("-")


def _cell(text: str | None) -> str:
    found = (text or "").replace("[env var: DEPLOYER_ENVIRONMENT]", "; `DEPLOYER_ENVIRONMENT`")
    return found.replace("  ;", "; variable").replace("|", "\\|")


def _codes() -> Iterator[str]:
    yield from ("## Exit codes", "", "| code | meaning |", "|---|---|")
    yield from (f"| {code} | {meaning} |" for code, meaning in CODES.items())
    yield from ("", "Over several targets the most severe one counts, and the document says")
    yield "`partial` where the targets differ."


def _variables() -> Iterator[str]:
    yield from ("", "## Variables", "", "| variable | meaning |", "|---|---|")
    yield from (f"| `{name}` | {meaning} |" for name, meaning in VARIABLES.items())


if __name__ == "__main__":
    sys.stdout.write(reference())
