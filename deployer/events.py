"""What a run says while it runs: one closed union. Renderers and records only read these."""

from __future__ import annotations

from typing import Literal

from deployer.actions import Action, Plan
from deployer.errors import ConfigError, DeployerError
from deployer.model import Image, Proof, Scope, State
from deployer.noun import Noun
from deployer.outcome import Outcome


class Problem(Noun, frozen=True):
    """A failure as data: what, where, why, evidence, fix."""

    code: str
    what: str
    exit_code: int
    where: str | None = None
    why: str | None = None
    evidence: tuple[str, ...] = ()
    fix: str | None = None
    problems: tuple[Problem, ...] = ()


class Said(Noun, frozen=True, tag="said"):
    """A sentence for the reader."""

    text: str
    level: Literal["note", "warning"] = "note"
    scope: Scope | None = None


class Building(Noun, frozen=True, tag="building"):
    """The builder said something about a service's image."""

    service: str
    line: str


class Built(Noun, frozen=True, tag="built"):
    """An image is where it has to be. `reused`: it was there already, nothing was built."""

    service: str
    image: Image
    seconds: float
    reused: bool = False


class Planned(Noun, frozen=True, tag="planned"):
    """What will be done to one scope."""

    plan: Plan


class Started(Noun, frozen=True, tag="started"):
    """An action began."""

    scope: Scope
    action: Action


class Waiting(Noun, frozen=True, tag="waiting"):
    """An action is under way; `detail` is new."""

    scope: Scope
    action: Action
    detail: str


class Output(Noun, frozen=True, tag="output"):
    """A line that the deployed thing itself wrote, as a migration. Never trusted text."""

    scope: Scope
    line: str


class Finished(Noun, frozen=True, tag="finished"):
    """An action is done."""

    scope: Scope
    action: Action
    seconds: float


class Failed(Noun, frozen=True, tag="failed"):
    """An action, or the step before any, failed."""

    scope: Scope
    problem: Problem


class Report(Noun, frozen=True, tag="report"):
    """How it ended for one scope: the result that people, CI and records get."""

    scope: Scope
    outcome: Outcome
    exit_code: int
    release: str | None = None
    image: Image | None = None
    url: str | None = None
    proof: Proof = Proof.NONE
    proven: str = ""  # how, in a sentence
    serving: str | None = None  # the release that serves now
    serving_digest: str | None = None
    serving_state: State | None = None
    previous: str | None = None
    task_ran: bool = False  # the release command ran, so a migration may have happened
    seconds: float = 0.0
    problem: Problem | None = None
    next: tuple[str, ...] = ()  # commands to go on with


Event = Said | Building | Built | Planned | Started | Waiting | Output | Finished | Failed | Report


def describe(error: BaseException) -> Problem:
    """Any exception as data; one that is not ours is a bug in deployer."""
    if not isinstance(error, DeployerError):
        return Problem(
            code="bug",
            what=f"deployer has a bug: {type(error).__name__}: {error}",
            exit_code=1,
            fix="run again with --debug and report the file it writes",
        )
    nested = error.problems if isinstance(error, ConfigError) else ()
    return Problem(
        code=error.code,
        what=error.what,
        exit_code=error.exit_code,
        where=error.where,
        why=error.why,
        evidence=error.evidence,
        fix=error.fix,
        problems=tuple(describe(p) for p in nested),
    )
