"""Planning: pure functions from what is wanted and what is there to a list of actions.

Rolling back, restoring after a failure and destroying are other plans over the same actions.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

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
    Weight,
)
from deployer.difference import differences
from deployer.errors import ConfigError, PreflightError, Unsupported
from deployer.model import (
    Capability,
    Observed,
    ReleaseCommand,
    Revision,
    Rollout,
    Scope,
    Spec,
    State,
)
from deployer.noun import Noun


class Policy(Noun, frozen=True):
    """What the planner is told besides the wanted and the observed state."""

    rollout: Rollout = Rollout()
    release_command: ReleaseCommand | None = None
    keep: int = 3  # revisions kept for an instant rollback


def plan_ship(
    spec: Spec,
    release: str,
    observed: Observed,
    capabilities: frozenset[Capability],
    policy: Policy,
    good: Collection[str] = (),
) -> Plan:
    """Make `spec` live as `release`; `good` are the releases that are known to have succeeded.

    Raises Unsupported where the provider cannot express what is asked for.
    """
    refuse_unsupported(spec, capabilities, policy)
    live = observed.live
    if live and is_unchanged(spec, observed, good):
        return _prove(spec, live.release, observed)
    return Plan(
        scope=spec.scope,
        release=release,
        spec=spec,
        previous=live.release if live and live.release != release else None,
        basis=observed.fence,
        changes=differences(live.spec if live else None, spec),
        actions=(
            Ensure(spec=spec),
            *_task(spec, release, policy.release_command),
            *_roll_out(spec, release, observed, policy.rollout),
            *_tidy(release, observed, policy.keep, good),
        ),
    )


def plan_rollback(
    spec: Spec,
    release: str,
    observed: Observed,
    policy: Policy,
    good: Collection[str] = (),
) -> Plan:
    """Make the recorded `release` live again as it was (`spec`), in one step.

    The release command never runs on a rollback.
    """
    live = observed.live
    if live and live.release == release and is_unchanged(spec, observed, good):
        return _prove(spec, release, observed)
    at_once = Rollout(bake=policy.rollout.bake)
    return Plan(
        scope=spec.scope,
        release=release,
        spec=spec,
        previous=live.release if live else None,
        basis=observed.fence,
        changes=differences(live.spec if live else None, spec),
        actions=(
            Ensure(spec=spec),
            *_roll_out(spec, release, observed, at_once),
            *_tidy(release, observed, policy.keep, good),
        ),
    )


def plan_restore(failed: str, observed: Observed, moved: bool, good: Collection[str] = ()) -> Plan:
    """After a failure: give the traffic back as `observed` before, prove it, drop what failed.

    What failed gets none back: a share that a killed run had given it goes to what serves most.
    """
    weights = _given_back(failed, observed)
    live = observed.find(weights[0].release) if weights else None
    return Plan(
        scope=observed.scope,
        release=live.release if live else failed,
        actions=(
            *(_back(observed.scope, live, weights) if moved else ()),
            *_drop(failed, observed, moved, good),
        ),
        basis="",
    )


def plan_destroy(observed: Observed) -> Plan:
    """Delete everything that deployer made for this scope, but its records."""
    return Plan(
        scope=observed.scope,
        release="",
        actions=(Destroy(scope=observed.scope),),
        basis=observed.fence,
    )


def is_unchanged(spec: Spec, observed: Observed, good: Collection[str]) -> bool:
    """Whether `spec` is what serves: alone, healthy, and once verified."""
    live = observed.live
    return (
        live is not None
        and live.weight == 100
        and live.state is State.HEALTHY
        and live.fingerprint == spec.fingerprint
        and live.release in good
    )


def refuse_unsupported(spec: Spec, capabilities: frozenset[Capability], policy: Policy) -> None:
    """Raise Unsupported, before anything moves, for what this provider cannot do."""
    for asked, needed, what, fix in (
        (len(policy.rollout.stages) > 1, Capability.TRAFFIC_SPLIT, "traffic stages", "stages"),
        (bool(spec.volumes), Capability.VOLUMES, "volumes", "volumes"),
        (spec.scale.min > 1, Capability.SCALE, "more than one container", "scale"),
        (spec.port is None, Capability.WORKERS, "a service without a port", "port: 8080"),
        (
            policy.release_command is not None,
            Capability.RELEASE_COMMAND,
            "a release command",
            "release",
        ),
    ):
        if asked and needed not in capabilities:
            raise Unsupported(
                f"target {spec.scope.target} cannot do {what}",
                where=str(spec.scope),
                why=f"its provider does not offer {needed}",
                fix=f"change `{fix}` for this target, or choose another target",
            )


def previous_good(live: Revision | None, chain: Collection[tuple[str, str | None]]) -> str:
    """The release to roll back to: the good one that `live` itself replaced.

    `chain` holds (release, the good release before it), oldest first. Following what each release
    replaced, and not the clock, keeps a second rollback from bouncing forward.
    Raises PreflightError where there is none.
    """
    if live is None:
        raise PreflightError(
            "nothing is serving, so there is nothing to roll back from",
            fix="deployer releases, then: deployer rollback RELEASE",
        )
    before = dict(chain).get(live.release)
    if before is None:
        raise PreflightError(
            f"no successful release before {live.release} is recorded",
            fix="deployer releases lists what there is; name one: deployer rollback RELEASE",
        )
    return before


def check_stages(stages: tuple[int, ...]) -> None:
    """Raise ConfigError unless percentages rise and end at 100."""
    rising = all(a < b for a, b in pairwise(stages))
    if not stages or stages[-1] != 100 or not rising or stages[0] < 1:
        raise ConfigError(
            f"rollout.stages {list(stages)} must rise and end at 100",
            fix="write stages: [10, 50, 100]",
        )


def _prove(spec: Spec, release: str, observed: Observed) -> Plan:
    look = Verify(release=release, spec=spec, stage="serving")
    return Plan(
        scope=spec.scope, release=release, actions=(look,), basis=observed.fence, spec=spec
    )


def _task(spec: Spec, release: str, command: ReleaseCommand | None) -> tuple[Action, ...]:
    return (RunTask(release=release, spec=spec, command=command),) if command else ()


def _roll_out(
    spec: Spec, release: str, observed: Observed, rollout: Rollout
) -> tuple[Action, ...]:
    steps: list[Action] = [
        CreateRevision(release=release, spec=spec),
        Verify(release=release, spec=spec, stage="candidate"),
    ]
    others = observed.live is not None and observed.live.release != release
    for percent in rollout.stages if others else (100,):
        hold = rollout.bake if percent == 100 else rollout.stage_wait
        steps += [
            ShiftTraffic(scope=spec.scope, weights=_share(release, percent, observed)),
            Verify(release=release, spec=spec, stage="serving", weight=percent, hold=hold),
        ]
    return tuple(steps)


def _share(release: str, percent: int, observed: Observed) -> tuple[Weight, ...]:
    ours = Weight(release=release, percent=percent)
    if percent == 100 or observed.live is None:
        return (ours,)
    return (ours, Weight(release=observed.live.release, percent=100 - percent))


def _given_back(failed: str, before: Observed) -> tuple[Weight, ...]:
    """The shares that were there, the largest first, without what failed."""
    shares = {r.release: r.weight for r in before.revisions if r.weight}
    lost = shares.pop(failed, 0)
    names = sorted(shares, key=lambda name: -shares[name])
    if names:
        shares[names[0]] += lost
    return tuple(Weight(release=name, percent=shares[name]) for name in names)


def _back(scope: Scope, live: Revision | None, weights: tuple[Weight, ...]) -> tuple[Action, ...]:
    shift = ShiftTraffic(scope=scope, weights=weights)
    if live is None:
        return ()
    if live.spec is None:
        return (shift,)  # made by somebody else: it can be routed, but not made or proven
    share = weights[0].percent
    return (
        CreateRevision(release=live.release, spec=live.spec),
        shift,
        Verify(release=live.release, spec=live.spec, stage="serving", weight=share),
    )


def _drop(failed: str, before: Observed, moved: bool, good: Collection[str]) -> tuple[Action, ...]:
    """What undoes the making of `failed`; one that was good once is kept, only stopped."""
    served, kept = _given_back(failed, before), before.find(failed) and failed in good
    if not served and kept:
        return ()
    if not served and not any(r.release != failed for r in before.revisions):
        return (Destroy(scope=before.scope),)
    scope = before.scope
    end = Retire(scope=scope, release=failed) if kept else Remove(scope=scope, release=failed)
    none = (ShiftTraffic(scope=scope, weights=()),) if moved and not served else ()
    return (*none, end)


def _tidy(
    release: str, observed: Observed, keep: int, good: Collection[str]
) -> tuple[Action, ...]:
    """Stop what served before, drop what never succeeded and what is older than `keep`."""
    others = [r for r in observed.revisions if r.release != release]
    worth = (r for r in others if _worth(r, good))
    kept = sorted(worth, key=lambda r: (-r.weight, -r.created))[:keep]
    idle = [r for r in kept if r.state is not State.STOPPED]  # as a killed run leaves it
    stop = [r for r in others if r.weight or r in idle]
    retire = [Retire(scope=observed.scope, release=r.release) for r in stop]
    remove = [Remove(scope=observed.scope, release=r.release) for r in others if r not in kept]
    return (*retire, *remove)


def _worth(revision: Revision, good: Collection[str]) -> bool:
    return bool(revision.weight) or revision.release in good
