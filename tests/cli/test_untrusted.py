"""Secrets never come out, and what a container writes never acts on the reader's machine."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from tests.cli.conftest import Shop

CANARY = "canary/5f1e+d9c0=a7b3"
FORMS = (CANARY, base64.b64encode(CANARY.encode()).decode(), quote(CANARY, safe=""))
HOSTILE = (
    "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\x1b[2J\x1b[1;1H\x1b[31mgone",
    "\x1b]52;c;ZXZpbA==\x07",
    "::add-mask::hello",
    "  ::error file=x::injected",
    "##[set-output name=x]y",
    "plain \u202e desrever",
)

PROVIDER = '''
from deployer.diagnose import Signs
from deployer.secret import Secret
from deployer.testing import memory

LINES = {lines!r}

class Odd(memory.Memory):
    """Its containers write what they like, and it has read a secret."""

    def __init__(self, *given):
        super().__init__(*given)
        Secret({canary!r})

    def explain(self, scope, release):
        return Signs(state="exited", exit_code=1, logs=LINES, error=LINES[0])

    def logs(self, scope, *, release, since, follow, limit):
        yield from LINES

def connect(options):
    from pathlib import Path
    return Odd(Path(options["world"]), 0)
'''

COMMANDS = (
    ("ship", "--image", "memory.invalid/shop:crash"),
    ("ship", "--image", "memory.invalid/shop:two"),
    ("plan", "--image", "memory.invalid/shop:three"),
    ("status",),
    ("releases",),
    ("logs",),
    ("doctor",),
    ("check", "--online"),
    ("rollback", "rnope"),
)


def with_lines(shop: Shop, lines: tuple[str, ...]) -> None:
    source = PROVIDER.format(lines=lines, canary=CANARY)
    (shop.packages_of_this_test() / "deployer_memory.py").write_text(source)
    shop("ship")


@pytest.mark.parametrize("more", [(), ("--json",), ("--events", "ndjson"), ("--debug",)], ids=str)
def test_no_output_has_the_secret_in_any_form(shop: Shop, more: tuple[str, ...]) -> None:
    with_lines(shop, tuple(f"token={form}" for form in FORMS))
    written = ""
    for command in COMMANDS:
        result = shop(*command, *more)
        written += result.out + result.err
    written += "".join(path.read_text() for path in shop.folder.glob("deployer-debug-*"))
    assert "token=" in written
    assert not [form for form in FORMS if form in written]


@pytest.mark.parametrize("more", [(), ("--json",), ("--events", "ndjson")], ids=str)
def test_foreign_lines_do_nothing_to_a_terminal_or_a_runner(
    shop: Shop, more: tuple[str, ...]
) -> None:
    with_lines(shop, HOSTILE)
    for command in COMMANDS:
        result = shop(*command, *more, env={"GITHUB_ACTIONS": "true", "FORCE_COLOR": ""})
        for line in (result.out + result.err).splitlines():
            assert not line.lstrip().startswith("::"), line
            assert "##[" not in line
            assert "\x1b" not in line
            assert "\u202e" not in line


def test_a_program_gets_the_lines_as_they_were(shop: Shop) -> None:
    with_lines(shop, HOSTILE)
    assert tuple(one["line"] for one in shop("logs", "--json").json["lines"]) == HOSTILE
