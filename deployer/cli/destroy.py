"""deployer destroy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from typer import Option

from deployer.cli import plan
from deployer.cli.common import Consent, DryRun, Output, Patience, Place, command
from deployer.cli.console import console
from deployer.cli.follow import Follower
from deployer.cli.session import admit, open_session
from deployer.cli.signals import Brake
from deployer.events import Event
from deployer_pipelines import destroy as pipeline
from deployer_pipelines import plans

Records = Annotated[bool, Option("--records", help="delete the history as well")]


@command
def run(
    place: Place,
    output: Output,
    consent: Consent,
    patience: Patience,
    records: Records = False,
    dry_run: DryRun = False,
) -> int:
    """Delete everything that deployer made for a service; asks for the environment's name.

    What deployer did not make stays, and so does the history unless --records is given.
    """
    to = console("destroy", output)
    if dry_run:
        return plan.told(to, plans.destroy(open_session(place).request))

    def start(brake: Brake) -> Iterator[Event]:
        session = open_session(place, patience, brake.cancel)
        admit(session, place, consent, always=True)
        return pipeline.destroy(session.request, records=records)

    return Follower(to).run(start)
