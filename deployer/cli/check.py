"""deployer check."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from deployer.cli.checks import ended
from deployer.cli.common import Output, Place, command
from deployer.cli.console import console
from deployer.cli.session import open_session
from deployer_pipelines import checks

OFFLINE_FAILED, ONLINE_FAILED = 2, 3  # configuration; preflight

Online = Annotated[
    bool, Option("--online", help="also credentials, permissions, references, architecture, port")
]


@command
def run(place: Place, output: Output, online: Online = False) -> int:
    """Check the configuration; all mistakes are told at once, with file and line."""
    to = console("check", output)
    found = checks.check(open_session(place).request, online=online)
    return ended(to, found, ONLINE_FAILED if online else OFFLINE_FAILED)
