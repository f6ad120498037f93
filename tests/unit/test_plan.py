"""From what is wanted and what is there to actions."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from deployer.actions import RunTask, Verify
from deployer.errors import ConfigError, PreflightError, Unsupported
from deployer.model import Capability, Observed, ReleaseCommand, Rollout, State
from deployer.plan import (
    Policy,
    check_stages,
    plan_destroy,
    plan_restore,
    plan_rollback,
    plan_ship,
    previous_good,
)
from deployer.quantity import Seconds
from tests.support.plans import revision, steps, there
from tests.support.story import SCOPE, spec_of, staged

ALL = frozenset(Capability)
NOTHING = Observed(scope=SCOPE)


def test_a_first_ship_makes_proves_routes_and_proves() -> None:
    plan = plan_ship(spec_of("r1"), "r1", NOTHING, ALL, Policy())
    assert steps(plan) == [
        "Ensure",
        "CreateRevision r1",
        "Verify r1 candidate",
        "Shift r1=100",
        "Verify r1 serving 100",
    ]
    assert plan.previous is None


def test_a_second_ship_retires_what_served() -> None:
    plan = plan_ship(spec_of("r2"), "r2", there({"r1": 100}), ALL, Policy(), good={"r1"})
    assert steps(plan)[-3:] == ["Shift r2=100", "Verify r2 serving 100", "Retire r1"]
    assert (plan.previous, plan.basis) == ("r1", "f")


def test_the_release_command_runs_before_anything_is_made() -> None:
    command = ReleaseCommand(command=("migrate",))
    plan = plan_ship(spec_of("r1"), "r1", NOTHING, ALL, Policy(release_command=command))
    assert steps(plan)[:3] == ["Ensure", "RunTask r1", "CreateRevision r1"]
    assert isinstance(plan.actions[1], RunTask)
    assert plan.actions[1].command == command


def test_each_stage_shares_with_what_served_and_is_proven() -> None:
    plan = plan_ship(spec_of("r2"), "r2", there({"r1": 100}), ALL, staged(10, 50, 100))
    assert steps(plan)[3:9] == [
        "Shift r2=10 r1=90",
        "Verify r2 serving 10",
        "Shift r2=50 r1=50",
        "Verify r2 serving 50",
        "Shift r2=100",
        "Verify r2 serving 100",
    ]


def test_stages_wait_and_the_last_one_bakes() -> None:
    rollout = Rollout(stages=(50, 100), stage_wait=Seconds(20), bake=Seconds(300))
    plan = plan_ship(spec_of("r2"), "r2", there({"r1": 100}), ALL, Policy(rollout=rollout))
    holds = [a.hold for a in plan.actions if isinstance(a, Verify) and a.stage == "serving"]
    assert holds == [Seconds(20), Seconds(300)]


def test_a_first_ship_has_nobody_to_share_with() -> None:
    plan = plan_ship(spec_of("r1"), "r1", NOTHING, ALL, staged(10, 100))
    assert [s for s in steps(plan) if s.startswith("Shift")] == ["Shift r1=100"]


def test_what_serves_already_is_only_proven() -> None:
    plan = plan_ship(spec_of("r1"), "r2", there({"r1": 100}), ALL, Policy(), good={"r1"})
    assert steps(plan) == ["Verify r1 serving 100"]
    assert plan.changes_nothing
    assert plan.release == "r1"


@pytest.mark.parametrize(
    "seen",
    [
        there({"r1": 90, "r0": 10}),
        replace(there({}), revisions=(replace(revision("r1", 100), state=State.UNHEALTHY),)),
    ],
    ids=["it has a part of the traffic", "it is not well"],
)
def test_what_does_not_serve_alone_and_well_is_shipped_anew(seen: Observed) -> None:
    plan = plan_ship(spec_of("r1"), "r2", seen, ALL, Policy(), good={"r1"})
    assert "CreateRevision r2" in steps(plan)


def test_what_was_never_proven_is_not_called_unchanged() -> None:
    plan = plan_ship(spec_of("r1"), "r1", there({"r1": 100}), ALL, Policy(), good=())
    assert not plan.changes_nothing


def test_another_proof_is_no_change() -> None:
    spec = replace(spec_of("r1"), verify="platform")
    assert plan_ship(spec, "r2", there({"r1": 100}), ALL, Policy(), {"r1"}).changes_nothing


def test_only_good_revisions_are_kept_the_newest_first() -> None:
    seen = there({"r1": 0, "bad": 0, "r2": 0, "r3": 0, "r4": 100})
    plan = plan_ship(spec_of("r5"), "r5", seen, ALL, Policy(keep=2), good={"r1", "r2", "r3", "r4"})
    assert steps(plan)[-4:] == ["Retire r4", "Remove r1", "Remove bad", "Remove r2"]


def test_what_served_last_is_kept_however_old_it_is() -> None:
    seen = there({"r1": 100, "r2": 0, "r3": 0})
    plan = plan_ship(spec_of("r4"), "r4", seen, ALL, Policy(keep=1), good={"r1", "r2", "r3"})
    assert steps(plan)[-3:] == ["Retire r1", "Remove r2", "Remove r3"]


def test_what_a_killed_run_left_running_is_stopped() -> None:
    left = replace(revision("r1"), state=State.HEALTHY)
    seen = replace(there({}), revisions=(left, revision("r2", 100)))
    plan = plan_ship(spec_of("r2"), "r2", seen, ALL, Policy(), good={"r1"})
    assert steps(plan)[-1] == "Retire r1"


def test_a_rollback_is_one_step_without_the_release_command() -> None:
    policy = Policy(
        rollout=Rollout(stages=(10, 100), bake=Seconds(60)),
        release_command=ReleaseCommand(command=("migrate",)),
    )
    plan = plan_rollback(spec_of("r1"), "r1", there({"r1": 0, "r2": 100}), policy, {"r1", "r2"})
    assert steps(plan) == [
        "Ensure",
        "CreateRevision r1",
        "Verify r1 candidate",
        "Shift r1=100",
        "Verify r1 serving 100",
        "Retire r2",
    ]
    assert plan.spec == spec_of("r1")


def test_rolling_back_to_what_serves_changes_nothing() -> None:
    seen = there({"r0": 0, "r1": 100})
    assert plan_rollback(spec_of("r1"), "r1", seen, Policy(), {"r1"}).changes_nothing


def test_a_restore_gives_back_proves_and_drops() -> None:
    plan = plan_restore("r2", there({"r1": 100}), moved=True)
    assert steps(plan) == [
        "CreateRevision r1",
        "Shift r1=100",
        "Verify r1 serving 100",
        "Remove r2",
    ]


def test_before_traffic_moved_a_restore_only_drops() -> None:
    assert steps(plan_restore("r2", there({"r1": 100}), moved=False)) == ["Remove r2"]


def test_a_share_that_a_killed_run_gave_to_the_bad_one_is_taken_from_it() -> None:
    plan = plan_restore("r2", there({"r1": 90, "r2": 10}), moved=True)
    assert "Shift r1=100" in steps(plan)
    assert steps(plan)[-1] == "Remove r2"


def test_after_a_first_ship_a_restore_leaves_nothing() -> None:
    assert steps(plan_restore("r1", NOTHING, moved=True)) == ["Destroy"]
    assert steps(plan_restore("r1", there({"r1": 100}), moved=True)) == ["Destroy"]


def test_where_nothing_served_a_restore_takes_the_traffic_from_the_bad_one() -> None:
    plan = plan_restore("r2", there({"r1": 0}), moved=True, good={"r1"})
    assert steps(plan) == ["Shift", "Remove r2"]


def test_a_good_release_that_fails_to_come_back_is_kept() -> None:
    plan = plan_restore("r1", there({"r1": 0, "r2": 100}), moved=True, good={"r1", "r2"})
    assert steps(plan)[-1] == "Retire r1"


def test_what_somebody_else_made_is_routed_back_though_it_cannot_be_made() -> None:
    theirs = replace(revision("theirs", 100), spec=None)
    plan = plan_restore("r2", replace(there({}), revisions=(theirs,)), moved=True)
    assert steps(plan) == ["Shift theirs=100", "Remove r2"]


def test_destroying_is_one_action_bound_to_what_was_seen() -> None:
    plan = plan_destroy(there({"r1": 100}))
    assert (steps(plan), plan.basis) == (["Destroy"], "f")


@pytest.mark.parametrize(
    ("lacking", "policy", "changes", "word"),
    [
        (Capability.TRAFFIC_SPLIT, staged(10, 100), {}, "traffic stages"),
        (Capability.VOLUMES, Policy(), {"volumes": {"data": "/data"}}, "volumes"),
        (Capability.WORKERS, Policy(), {"port": None}, "without a port"),
        (
            Capability.RELEASE_COMMAND,
            Policy(release_command=ReleaseCommand(command=("migrate",))),
            {},
            "release command",
        ),
    ],
)
def test_what_a_provider_cannot_do_is_refused_before_anything_moves(
    lacking: Capability, policy: Policy, changes: dict[str, object], word: str
) -> None:
    spec = replace(spec_of("r1"), **changes)
    with pytest.raises(Unsupported, match=word) as raised:
        plan_ship(spec, "r1", NOTHING, ALL - {lacking}, policy)
    assert raised.value.fix
    plan_ship(spec, "r1", NOTHING, ALL, policy)


def test_the_release_before_is_the_one_that_was_replaced() -> None:
    chain = (("r1", None), ("r2", "r1"), ("r3", "r1"))
    assert previous_good(revision("r3", 100), chain) == "r1"


@pytest.mark.parametrize(
    ("live", "word"),
    [(None, "nothing is serving"), ("r1", "before r1"), ("foreign", "before foreign")],
)
def test_without_a_release_before_a_rollback_is_refused(live: str | None, word: str) -> None:
    with pytest.raises(PreflightError, match=word):
        previous_good(revision(live, 100) if live else None, (("r1", None),))


@pytest.mark.parametrize("stages", [(), (50,), (50, 10, 100), (10, 10, 100), (0, 100), (101,)])
def test_stages_that_do_not_rise_to_100_are_refused(stages: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="must rise and end at 100"):
        check_stages(stages)
    check_stages((1, 99, 100))
