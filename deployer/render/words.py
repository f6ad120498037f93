"""Actions and outcomes in the words that people read."""

from __future__ import annotations

from deployer.actions import (
    Action,
    CreateRevision,
    Destroy,
    Ensure,
    Plan,
    Remove,
    Retire,
    RunTask,
    ShiftTraffic,
    Verify,
)
from deployer.events import Report
from deployer.model import Proof, State, short
from deployer.outcome import GOOD, Outcome
from deployer.render.text import clean, duration


def words(action: Action) -> str:
    """What `action` does, as a step: `start r0m2k4x7q9ab (no traffic yet)`."""
    match action:
        case Ensure(spec=spec):
            return f"prepare the place for {spec.scope.name}"
        case RunTask(command=command):
            return f"run the release command: {clean(' '.join(command.command))}"
        case CreateRevision(release=release):
            return f"start {_name(release)} (no traffic yet)"
        case Verify():
            return _proof(action)
        case ShiftTraffic():
            return _shift(action)
        case Retire(release=release):
            return f"retire {release} (finishes its requests, kept for a rollback)"
        case Remove(release=release):
            return f"remove {release}"
        case Destroy(scope=scope, records=records):
            return f"delete everything of {scope.name}{', and its records' if records else ''}"


def aim(plan: Plan) -> str:
    """What a plan is for, in one line. One without basis and spec puts back what was there."""
    if not plan.basis and plan.spec is None:
        moved = any(isinstance(action, ShiftTraffic) for action in plan.actions)
        return f"put {plan.release} back" if moved else "clear away what failed"
    if any(isinstance(action, Destroy) for action in plan.actions):
        return "destroy"
    if plan.changes_nothing:
        return f"unchanged, {plan.release} serves already"
    if plan.previous:
        return f"{_name(plan.release)} replaces {plan.previous}"
    return f"{_name(plan.release)}, the first one here"


def verdict(report: Report) -> str:
    """The result of one scope in one line."""
    return f"{report.scope}: {_ENDED[report.outcome]}{_what(report)}{_took(report)}"


def ending(report: Report) -> str:
    """How one scope ended, in a word; the verdict follows at the end of the run."""
    return f"{_ENDED[report.outcome]}{_took(report)}"


def serving(report: Report) -> str:
    """What serves now: the last line of every failure. Nobody having looked is no answer."""
    if report.serving is None:
        return "what serves now is not known" if _blind(report) else "nothing was changed"
    digest = f" ({short(report.serving_digest)})" if report.serving_digest else ""
    at = f" at {clean(report.url)}" if report.url else ""
    if report.serving_state in (State.UNHEALTHY, State.CRASHED):
        return f"{report.serving} has the traffic{digest}{at}, but is {report.serving_state}"
    return f"{report.serving} is serving{digest}{at}"


_ENDED = {
    Outcome.SUCCEEDED: "succeeded",
    Outcome.UNCHANGED: "unchanged",
    Outcome.FAILED_NOTHING_CHANGED: "failed, nothing changed",
    Outcome.FAILED_ROLLED_BACK: "failed and rolled back",
    Outcome.FAILED_ROLLBACK_FAILED: "failed, and the rollback failed: a person is needed",
    Outcome.SUPERSEDED: "superseded by a newer deployment",
    Outcome.UNKNOWN: "unknown: deployer stopped looking, the provider may go on",
}


def _took(report: Report) -> str:
    return f", in {duration(report.seconds)}" if report.seconds else ""


def _what(report: Report) -> str:
    if report.serving is None:
        return "" if report.release or report.outcome not in GOOD else ": everything is deleted"
    proof = f", proven {_PROVEN[report.proof]}" if report.proof is not Proof.NONE else ""
    return f"; {serving(report)}{proof}"


_PROVEN = {Proof.OUTSIDE: "from outside", Proof.PLATFORM: "by the platform", Proof.NONE: ""}


def _blind(report: Report) -> bool:
    return report.outcome in (Outcome.UNKNOWN, Outcome.FAILED_ROLLBACK_FAILED)


def _proof(action: Verify) -> str:
    if action.stage == "candidate":
        return f"prove {_name(action.release)} before it gets traffic"
    how = "from outside" if action.spec.proof is Proof.OUTSIDE else "by the platform"
    share = f" at {action.weight} %" if action.weight < 100 else ""
    hold = f", and watch it for {action.hold}" if action.hold else ""
    return f"prove {how} that {_name(action.release)} serves{share}{hold}"


def _shift(action: ShiftTraffic) -> str:
    if len(action.weights) == 1:
        return f"move all traffic to {_name(action.weights[0].release)}"
    first, *rest = action.weights
    kept = ", ".join(f"{weight.release} keeps {weight.percent} %" for weight in rest)
    return f"move {first.percent} % of the traffic to {_name(first.release)} ({kept})"


def _name(release: str) -> str:
    """A plan made before a ship does not know the id yet, and says `release`."""
    return "the new release" if release == "release" else release
