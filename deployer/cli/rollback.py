"""deployer rollback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from typer import Argument

from deployer.cli import plan
from deployer.cli.common import Consent, DryRun, Output, Patience, Place, command
from deployer.cli.console import console
from deployer.cli.follow import Follower
from deployer.cli.session import admit, open_session
from deployer.cli.signals import Brake
from deployer.events import Event
from deployer_pipelines import plans
from deployer_pipelines import rollback as pipeline

Release = Annotated[
    str | None,
    Argument(metavar="[RELEASE]", help="default: the good release before what serves now"),
]


@command
def run(
    place: Place,
    output: Output,
    consent: Consent,
    patience: Patience,
    release: Release = None,
    dry_run: DryRun = False,
) -> int:
    """Make an earlier release live again: image, command, configuration and traffic together.

    Database schemas and unpinned secrets do not roll back, and release commands do not run.
    """
    to = console("rollback", output)
    if dry_run:
        return plan.told(to, plans.rollback(open_session(place).request, release))

    def start(brake: Brake) -> Iterator[Event]:
        session = open_session(place, patience, brake.cancel)
        admit(session, place, consent)
        return pipeline.rollback(session.request, release=release)

    return Follower(to).run(start)
