"""What holds for every plan, whatever is there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deployer.actions import Remove, Retire, ShiftTraffic
from deployer.model import Capability, Observed, Rollout
from deployer.plan import Policy, plan_restore, plan_rollback, plan_ship
from tests.support.plans import there, walk
from tests.support.story import spec_of

ALL = frozenset(Capability)
NAMES = [f"r{i}" for i in range(5)]


@st.composite
def shares(draw: st.DrawFn) -> dict[str, int]:
    """Releases with shares that add up to 100, or to nothing."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=5))
    weights, left = dict.fromkeys(names, 0), 100 * draw(st.booleans())
    for name in draw(st.permutations(names)):
        weights[name] = draw(st.integers(0, left))
        left -= weights[name]
    if names and sum(weights.values()):
        weights[names[0]] += left
    return weights


stages = st.lists(st.integers(1, 99), unique=True, max_size=3).map(lambda s: (*sorted(s), 100))
policies = st.builds(
    lambda rising, keep: Policy(rollout=Rollout(stages=rising), keep=keep),
    stages,
    st.integers(0, 3),
)
observed = shares().map(there)
goods = st.frozensets(st.sampled_from(NAMES))


@given(observed, policies, goods)
def test_a_ship_ends_with_all_traffic_on_it_and_removes_nothing_that_serves(
    seen: Observed, policy: Policy, good: frozenset[str]
) -> None:
    after = walk(plan_ship(spec_of("new"), "new", seen, ALL, policy, good), seen)
    assert {name: share for name, share in after.items() if share} == {"new": 100}
    assert len(after) <= policy.keep + 1


@given(observed, policies, goods, st.sampled_from(NAMES))
def test_a_rollback_ends_with_all_traffic_on_it_and_removes_nothing_that_serves(
    seen: Observed, policy: Policy, good: frozenset[str], to: str
) -> None:
    plan = plan_rollback(spec_of(to), to, seen, policy, good)
    assert {name for name, share in walk(plan, seen).items() if share} == {to}


@given(observed, policies, goods)
def test_shares_always_add_up_and_at_most_one_release_gets_100(
    seen: Observed, policy: Policy, good: frozenset[str]
) -> None:
    plan = plan_ship(spec_of("new"), "new", seen, ALL, policy, good)
    for action in plan.actions:
        if isinstance(action, ShiftTraffic):
            told = [w.percent for w in action.weights]
            assert sum(told) == 100
            assert min(told) > 0
            assert told.count(100) <= 1


@given(observed, goods)
def test_a_restore_gives_back_exactly_the_shares_that_were_there(
    seen: Observed, good: frozenset[str]
) -> None:
    before = {r.release: r.weight for r in seen.revisions}
    failed = Observed(scope=seen.scope, revisions=seen.revisions)
    after = walk_moved(failed, "new", good)
    assert {k: v for k, v in after.items() if v} == {k: v for k, v in before.items() if v}
    assert "new" not in after


@given(observed, goods, st.sampled_from(NAMES))
def test_a_restore_never_leaves_traffic_on_what_failed_if_anything_else_served(
    seen: Observed, good: frozenset[str], failed: str
) -> None:
    others = [r for r in seen.revisions if r.weight and r.release != failed]
    after = walk_moved(seen, failed, good)
    if others:
        assert not after.get(failed)
        assert sum(after.values()) == 100


def walk_moved(seen: Observed, failed: str, good: frozenset[str]) -> dict[str, int]:
    """The shares after a restore, once all traffic had moved to `failed`."""
    plan = plan_restore(failed, seen, moved=True, good=good)
    now = {r.release: 0 for r in seen.revisions} | {failed: 100}
    kept = (
        bool(seen.find(failed))
        and failed in good
        and not any(r.weight for r in seen.revisions if r.release != failed)
    )
    return now if kept else walk(plan, there(now))


@given(observed, goods, st.sampled_from(NAMES), st.booleans())
def test_a_good_kept_revision_is_never_removed_by_a_rollback_to_it_that_fails(
    seen: Observed, good: frozenset[str], failed: str, moved: bool
) -> None:
    plan = plan_restore(failed, seen, moved, good)
    touched = {a.release for a in plan.actions if isinstance(a, Remove)}
    if failed in good and seen.find(failed):
        assert failed not in touched
    assert touched <= {failed}
    assert {a.release for a in plan.actions if isinstance(a, Retire)} <= {failed}
