"""deployer ship."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from typer import Option

from deployer.cli import plan as planning
from deployer.cli.common import Consent, DryRun, Output, Patience, Place, command
from deployer.cli.console import console
from deployer.cli.follow import Follower
from deployer.cli.session import admit, open_session
from deployer.cli.signals import Brake
from deployer.events import Event
from deployer_pipelines import ship as pipeline

Plan = Annotated[
    Path | None,
    Option("--plan", metavar="FILE", help="ship only if the targets are as this plan saw them"),
]
AllowDirty = Annotated[
    bool, Option("--allow-dirty", help="ship uncommitted changes to a protected environment")
]
Force = Annotated[bool, Option("--force", help="a new release, even if nothing changed")]


@command
def run(
    place: Place,
    output: Output,
    consent: Consent,
    patience: Patience,
    image: planning.Image = None,
    version: planning.Version = None,
    plan: Plan = None,
    allow_dirty: AllowDirty = False,
    force: Force = False,
    dry_run: DryRun = False,
) -> int:
    """Build the image, push it, roll it out, and prove that it is what serves.

    A version that does not come up never takes over: it is explained, and what served before
    serves on. Run the same command again to go on after an interruption.

    Examples: `deployer ship` · `deployer ship -e production --yes` ·
    `deployer ship --image registry.example/shop:1.4.2`
    """
    to = console("ship", output)
    if dry_run:
        return planning.show(to, open_session(place), image=image, version=version)
    stored = planning.stored(plan) if plan else None
    where = planning.narrowed(place, stored) if stored else place

    def start(brake: Brake) -> Iterator[Event]:
        session = open_session(where, patience, brake.cancel)
        admit(session, place, consent)
        return pipeline.ship(
            session.request,
            image=image,
            version=version,
            allow_dirty=allow_dirty,
            force=force,
            stored=stored,
        )

    return Follower(to).run(start)
