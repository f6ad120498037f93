"""Short ways to say what is there and what is planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deployer.actions import Action, Plan, ShiftTraffic, Verify
from deployer.model import Observed, Revision, Spec, State
from tests.support.story import SCOPE, spec_of


def revision(
    release: str, weight: int = 0, created: float = 0.0, spec: Spec | None = None
) -> Revision:
    """A revision; what serves is healthy, what does not is stopped. Its image is its name."""
    made = spec or spec_of(release)
    return Revision(
        release=release,
        image=made.image,
        fingerprint=made.fingerprint,
        weight=weight,
        state=State.HEALTHY if weight else State.STOPPED,
        created=created,
        spec=made,
    )


def there(weights: Mapping[str, int]) -> Observed:
    """What is there, from releases to their share, the oldest first."""
    revisions = tuple(
        revision(release, weight, created=float(age))
        for age, (release, weight) in enumerate(weights.items())
    )
    return Observed(scope=SCOPE, revisions=revisions, fence="f")


def steps(plan: Plan | Sequence[Action]) -> list[str]:
    """Each action in a few words, as `Shift r2=10 r1=90`."""
    return [_words(action) for action in (plan.actions if isinstance(plan, Plan) else plan)]


def walk(plan: Plan, before: Observed) -> dict[str, int]:
    """The shares of traffic after `plan`; fails where it takes away what serves."""
    shares = {r.release: r.weight for r in before.revisions}
    for action in plan.actions:
        match _kind(action):
            case "ShiftTraffic":
                assert isinstance(action, ShiftTraffic)
                told = {w.release: w.percent for w in action.weights}
                assert told.keys() <= shares.keys(), "traffic for what is not there"
                shares = {name: told.get(name, 0) for name in shares}
            case "CreateRevision":
                shares.setdefault(_release(action), 0)
            case "Retire" | "Remove":
                assert not shares.get(_release(action)), f"{_words(action)} still serves"
                if _kind(action) == "Remove":
                    shares.pop(_release(action), None)
            case "Destroy":
                shares = {}
    return shares


def _words(action: Action) -> str:
    kind = _kind(action)
    if isinstance(action, ShiftTraffic):
        return " ".join(["Shift", *(f"{w.release}={w.percent}" for w in action.weights)])
    if isinstance(action, Verify):
        share = f" {action.weight}" if action.stage == "serving" else ""
        return f"Verify {action.release} {action.stage}{share}"
    return f"{kind} {_release(action)}".strip()


def _kind(action: Action) -> str:
    return type(action).__name__


def _release(action: Action) -> str:
    return str(getattr(action, "release", ""))
