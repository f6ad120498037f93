"""What can be done to a target, as data; and a plan, which is a list of it.

A plan can be printed, stored and compared, and carries the state it was made for (`basis`); the
executor refuses it when that state has changed.
"""

from __future__ import annotations

from typing import Literal

from deployer.model import ReleaseCommand, Scope, Spec
from deployer.noun import Noun
from deployer.quantity import Seconds


class Ensure(Noun, frozen=True, tag="ensure"):
    """Have the place ready that `spec` will run in: network, edge, identity."""

    spec: Spec


class RunTask(Noun, frozen=True, tag="run-task"):
    """Run the release command on the new image, at most once for one release."""

    release: str
    spec: Spec
    command: ReleaseCommand


class CreateRevision(Noun, frozen=True, tag="create-revision"):
    """Have a running revision of `release` without traffic; start it again if it was kept."""

    release: str
    spec: Spec


class Verify(Noun, frozen=True, tag="verify"):
    """Prove that `release` runs the image and is healthy, and keeps so for `hold`.

    `candidate`: before traffic moves. `serving`: it also has `weight` percent of the traffic,
    and answers from outside.
    """

    release: str
    spec: Spec
    stage: Literal["candidate", "serving"]
    weight: int = 100
    hold: Seconds = Seconds(0)


class Weight(Noun, frozen=True):
    """`percent` of the traffic for `release`."""

    release: str
    percent: int


class ShiftTraffic(Noun, frozen=True, tag="shift-traffic"):
    """Give each release its share; one that is not named gets none."""

    scope: Scope
    weights: tuple[Weight, ...]


class Retire(Noun, frozen=True, tag="retire"):
    """Let a revision without traffic finish its requests, stop it, keep it for a rollback."""

    scope: Scope
    release: str


class Remove(Noun, frozen=True, tag="remove"):
    """Delete a revision without traffic. One that is gone is fine."""

    scope: Scope
    release: str


class Destroy(Noun, frozen=True, tag="destroy"):
    """Delete everything of this scope that deployer made; records stay unless `records`."""

    scope: Scope
    records: bool = False


Action = Ensure | RunTask | CreateRevision | Verify | ShiftTraffic | Retire | Remove | Destroy


class Plan(Noun, frozen=True):
    """Actions for one scope, and the fence of the state they were made for."""

    scope: Scope
    release: str
    actions: tuple[Action, ...]
    basis: str
    spec: Spec | None = None
    previous: str | None = None
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changes_nothing(self) -> bool:
        """What is wanted serves already; at most it is proven once more."""
        return all(isinstance(action, Verify) for action in self.actions)
