"""deployer doctor."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator

from deployer import __version__
from deployer.cli.checks import ended
from deployer.cli.common import Output, Place, command
from deployer.cli.console import console
from deployer.cli.session import open_session
from deployer.errors import ConfigError
from deployer_pipelines import checks
from deployer_pipelines.checks import Check

FAILED = 3


@command
def run(place: Place, output: Output) -> int:
    """Examine credentials, engine, versions and configuration; works without a deployer.yaml."""
    to = console("doctor", output)
    return ended(to, [*_here(), *_there(place)], FAILED)


def _here() -> Iterator[Check]:
    yield Check(name="deployer", level="ok", detail=__version__)
    yield Check(name="python", level="ok", detail=platform.python_version())
    if sys.dont_write_bytecode:
        yield Check(
            name="bytecode",
            level="warn",
            detail="PYTHONDONTWRITEBYTECODE is set, so every start compiles everything anew",
            fix="unset PYTHONDONTWRITEBYTECODE, or run python -m compileall once",
        )


def _there(place: Place) -> list[Check]:
    try:
        return list(checks.doctor(open_session(place).request))
    except ConfigError as error:
        return [
            Check(
                name="configuration",
                level="error",
                detail=one.what,
                where=one.where,
                fix=one.fix,
            )
            for one in (error.problems or (error,))
        ]
