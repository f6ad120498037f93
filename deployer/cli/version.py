"""deployer version."""

from __future__ import annotations

from deployer import __version__
from deployer.cli.common import Output, command
from deployer.cli.console import console


@command
def run(output: Output) -> int:
    """Print the version."""
    to = console("version", output)
    to.text(f"deployer {__version__}")
    return to.done(version=__version__)
