"""What is written down about a deployment: the intent before the first change, the outcome after.

Records hold references to secrets, never values.
"""

from __future__ import annotations

from typing import Literal

from deployer.model import Image, Proof, ReleaseCommand, Rollout, Scope, Spec
from deployer.noun import Noun
from deployer.outcome import Outcome

SCHEMA = 1
Kind = Literal["ship", "rollback", "destroy"]


class Origin(Noun, frozen=True):
    """Who, from where, from what."""

    actor: str = ""
    host: str = ""
    run_url: str | None = None
    commit: str | None = None
    dirty: bool = False
    branch: str | None = None
    tool: str = ""  # version of deployer


class Intent(Noun, frozen=True, tag="intent"):
    """What was about to be done. `release` is what was to be live afterwards.

    For a ship, `id` and `release` are the same; a rollback has an id of its own and names the
    earlier release.
    """

    id: str
    kind: Kind
    release: str
    scope: Scope
    at: float  # seconds since 1970, by the store's clock
    schema: int = SCHEMA
    spec: Spec | None = None
    rollout: Rollout = Rollout()
    release_command: ReleaseCommand | None = None
    previous: str | None = None
    origin: Origin = Origin()


class Conclusion(Noun, frozen=True, tag="conclusion"):
    """How it ended."""

    id: str
    release: str
    outcome: Outcome
    at: float
    schema: int = SCHEMA
    proof: Proof = Proof.NONE
    serving: str | None = None
    image: Image | None = None
    task_ran: bool = False
    reason: str | None = None


Record = Intent | Conclusion


class Entry(Noun, frozen=True):
    """One deployment as history shows it: its intent, and its conclusion if it has one."""

    intent: Intent
    conclusion: Conclusion | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the release was verified live by this deployment."""
        return self.conclusion is not None and self.conclusion.outcome is Outcome.SUCCEEDED
