"""The contract of the port, as tests. An adapter subclasses it and gives its own fixtures.

Only `start`, `check` and `observe` are used, as the executor uses them; what differs between
providers is said by capabilities and fixtures, never by a provider's name.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from deployer.actions import (
    Action,
    CreateRevision,
    Destroy,
    Ensure,
    Remove,
    Retire,
    RunTask,
    ShiftTraffic,
    Verify,
    Weight,
)
from deployer.errors import DeployerError, ReleaseCommandFailed, RolloutFailed
from deployer.events import Event, Output
from deployer.execute import Hands, Pace, perform
from deployer.model import Capability, Observed, ReleaseCommand, Scope, Spec, State
from deployer.noun import decode, encode
from deployer.provider import Operation, Provider

Specs = Callable[[str], Spec]


class ProviderContract:
    """What every provider promises. Fixtures that the tests of an adapter give:

    `provider` is the provider under test, with nothing deployed.

    `specs(kind)` is a spec for one and the same scope whose image is `one`, `two` (both well,
    different digests), or `crash` (ends at once).
    """

    def act(self, provider: Provider, *actions: Action) -> list[Event]:
        """Perform actions as the executor does, asking nobody from outside but the provider."""
        hands, scope = self.hands(provider), _scope(actions[0])
        return [event for action in actions for event in perform(action, scope, hands)]

    def hands(self, provider: Provider) -> Hands:
        """What actions are performed with; override for a clock that is not the wall's."""
        return Hands(provider=provider, pace=Pace(first=0.05, longest=0.5, deadline=60))

    def live(self, provider: Provider, release: str, spec: Spec) -> Observed:
        """Bring `release` live the way a ship does."""
        self.act(
            provider,
            Ensure(spec=spec),
            CreateRevision(release=release, spec=spec),
            Verify(release=release, spec=spec, stage="candidate"),
            _all_to(release, spec),
            Verify(release=release, spec=spec, stage="serving"),
        )
        return provider.observe(spec.scope)

    def test_an_absent_scope_is_empty(self, provider: Provider, specs: Specs) -> None:
        seen = provider.observe(specs("one").scope)
        assert seen.revisions == ()
        assert seen.live is None

    def test_identify_names_the_place(self, provider: Provider) -> None:
        assert provider.identify().account

    def test_observing_twice_gives_the_same_fence(self, provider: Provider, specs: Specs) -> None:
        spec = specs("one")
        self.live(provider, "r1", spec)
        assert provider.observe(spec.scope).fence == provider.observe(spec.scope).fence

    def test_what_is_live_is_told_whole(self, provider: Provider, specs: Specs) -> None:
        spec = specs("one")
        live = self.live(provider, "r1", spec).live
        assert live is not None
        assert (live.release, live.weight, live.state) == ("r1", 100, State.HEALTHY)
        assert live.image.digest == spec.image.digest
        assert live.fingerprint == spec.fingerprint
        assert live.spec is not None
        assert live.spec.fingerprint == spec.fingerprint

    def test_a_new_revision_takes_no_traffic(self, provider: Provider, specs: Specs) -> None:
        self.live(provider, "r1", specs("one"))
        two = specs("two")
        self.act(provider, CreateRevision(release="r2", spec=two))
        assert _weights(provider, two) == {"r1": 100, "r2": 0}

    def test_traffic_moves_to_the_named_release(self, provider: Provider, specs: Specs) -> None:
        self.live(provider, "r1", specs("one"))
        seen = self.live(provider, "r2", specs("two"))
        assert seen.live is not None
        assert seen.live.image.digest == specs("two").image.digest
        assert {r.release: r.weight for r in seen.revisions}["r2"] == 100
        assert sum(r.weight for r in seen.revisions) == 100

    def test_the_fence_moves_with_traffic(self, provider: Provider, specs: Specs) -> None:
        before = self.live(provider, "r1", specs("one"))
        after = self.live(provider, "r2", specs("two"))
        assert before.fence != after.fence

    def test_traffic_splits_where_claimed(self, provider: Provider, specs: Specs) -> None:
        if Capability.TRAFFIC_SPLIT not in provider.capabilities:
            pytest.skip("this provider does not claim to split traffic")
        self.live(provider, "r1", specs("one"))
        two = specs("two")
        shares = (Weight(release="r2", percent=10), Weight(release="r1", percent=90))
        self.act(
            provider,
            CreateRevision(release="r2", spec=two),
            Verify(release="r2", spec=two, stage="candidate"),
            ShiftTraffic(scope=two.scope, weights=shares),
            Verify(release="r2", spec=two, stage="serving", weight=10),
        )
        assert _weights(provider, two) == {"r1": 90, "r2": 10}

    def test_every_start_can_be_repeated(self, provider: Provider, specs: Specs) -> None:
        spec = specs("one")
        steps: tuple[Action, ...] = (
            Ensure(spec=spec),
            CreateRevision(release="r1", spec=spec),
            _all_to("r1", spec),
        )
        for action in steps:
            provider.start(action)
            self.act(provider, action)
        assert _weights(provider, spec) == {"r1": 100}

    def test_an_operation_survives_json(self, provider: Provider, specs: Specs) -> None:
        spec = specs("one")
        self.act(provider, Ensure(spec=spec))
        operation = provider.start(CreateRevision(release="r1", spec=spec))
        again = decode(encode(operation), Operation)
        assert again == operation
        provider.check(again)

    def test_verifying_with_the_wrong_digest_fails(self, provider: Provider, specs: Specs) -> None:
        one, two = specs("one"), specs("two")
        self.live(provider, "r1", one)
        wrong = replace(one, image=two.image)
        with pytest.raises(DeployerError):
            self.act(provider, Verify(release="r1", spec=wrong, stage="serving"))

    def test_a_crash_is_a_failure_with_evidence(self, provider: Provider, specs: Specs) -> None:
        spec = specs("crash")
        create = CreateRevision(release="r1", spec=spec)
        look = Verify(release="r1", spec=spec, stage="candidate")
        self.act(provider, Ensure(spec=spec))
        with pytest.raises(RolloutFailed) as raised:  # whichever of the two sees it first
            self.act(provider, create, look)
        assert raised.value.evidence
        assert raised.value.fix

    def test_a_release_command_runs_once(self, provider: Provider, specs: Specs) -> None:
        if Capability.RELEASE_COMMAND not in provider.capabilities:
            pytest.skip("this provider does not claim release commands")
        spec = specs("one")
        self.act(provider, Ensure(spec=spec))
        task = RunTask(release="r1", spec=spec, command=self.command("echo migrated"))
        first, second = self.act(provider, task), self.act(provider, task)
        assert [e.line for e in first if isinstance(e, Output)] == ["migrated"]
        assert self.runs(provider, spec, "r1") == 1
        assert second

    def test_a_failing_release_command_is_told(self, provider: Provider, specs: Specs) -> None:
        if Capability.RELEASE_COMMAND not in provider.capabilities:
            pytest.skip("this provider does not claim release commands")
        spec = specs("fails")
        self.act(provider, Ensure(spec=spec))
        with pytest.raises(ReleaseCommandFailed):
            self.act(provider, RunTask(release="r1", spec=spec, command=self.command("exit 1")))

    def test_a_retired_revision_comes_back(self, provider: Provider, specs: Specs) -> None:
        one, two = specs("one"), specs("two")
        self.live(provider, "r1", one)
        self.live(provider, "r2", two)
        self.act(provider, Retire(scope=one.scope, release="r1"))
        seen = self.live(provider, "r1", one)
        assert seen.live is not None
        assert seen.live.release == "r1"

    def test_removing_leaves_the_others(self, provider: Provider, specs: Specs) -> None:
        one, two = specs("one"), specs("two")
        self.live(provider, "r1", one)
        self.live(provider, "r2", two)
        for _ in range(2):
            self.act(provider, Remove(scope=one.scope, release="r1"))
        assert _weights(provider, two) == {"r2": 100}

    def test_destroying_leaves_nothing(self, provider: Provider, specs: Specs) -> None:
        spec = specs("one")
        self.live(provider, "r1", spec)
        for _ in range(2):
            self.act(provider, Destroy(scope=spec.scope, records=True))
        assert provider.observe(spec.scope).revisions == ()

    def test_explaining_what_is_gone_is_no_error(self, provider: Provider, specs: Specs) -> None:
        assert provider.explain(specs("one").scope, "r9").exit_code is None

    def command(self, script: str) -> ReleaseCommand:
        """`script` as a release command of the images used here."""
        return ReleaseCommand(command=("sh", "-c", script))

    def runs(self, provider: Provider, spec: Spec, release: str) -> int:
        """How often the release command of `release` really ran, seen from outside deployer."""
        raise AssertionError("override `runs`")


def _all_to(release: str, spec: Spec) -> ShiftTraffic:
    return ShiftTraffic(scope=spec.scope, weights=(Weight(release=release, percent=100),))


def _weights(provider: Provider, spec: Spec) -> dict[str, int]:
    return {r.release: r.weight for r in provider.observe(spec.scope).revisions}


def _scope(action: Action) -> Scope:
    if isinstance(action, Ensure | RunTask | CreateRevision | Verify):
        return action.spec.scope
    return action.scope
