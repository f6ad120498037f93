"""The in-memory provider keeps the contract, and broken ones do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from deployer.actions import Action, CreateRevision, Remove, RunTask, ShiftTraffic
from deployer.diagnose import Answer
from deployer.execute import Hands, Pace
from deployer.model import Observed, RegistryImage, Scope, Spec, State
from deployer.provider import Operation, Provider
from deployer.testing.contract import ProviderContract, Specs
from deployer.testing.memory import Memory

SCOPE = Scope(app="shop", environment="default", target="here", service="api", name="shop-api")


def spec_of(kind: str) -> Spec:
    """A spec whose image has the tag `kind`, and a digest of its own."""
    digest = "sha256:" + kind.encode().hex().ljust(64, "0")
    return Spec(scope=SCOPE, image=RegistryImage(repository="r/app", digest=digest, tag=kind))


def ticking(provider: Provider) -> Hands:
    """Hands whose clock moves only by sleeping; the outside always answers well."""
    time = [0.0]

    def sleep(seconds: float) -> None:
        time[0] += seconds

    return Hands(
        provider=provider,
        pace=Pace(deadline=60),
        now=lambda: time[0],
        sleep=sleep,
        ask=lambda endpoint, health: Answer(kind="ok"),
    )


class TestMemory(ProviderContract):
    def hands(self, provider: Provider) -> Hands:
        return ticking(provider)

    @pytest.fixture
    def provider(self) -> Provider:
        return Memory()

    @pytest.fixture
    def specs(self) -> Specs:
        return spec_of

    def runs(self, provider: Provider, spec: Spec, release: str) -> int:
        assert isinstance(provider, Memory)
        return provider.world.tasks[release]


class TrafficOnCreate(Memory):
    def start(self, action: Action) -> Operation:
        operation = super().start(action)
        if isinstance(action, CreateRevision):
            self._each(action.spec.scope, lambda r: replace(r, weight=50))
        return operation


class DuplicateOnRepeat(Memory):
    def _create(self, release: str, spec: Spec) -> None:
        name = release if self.observe(spec.scope).find(release) is None else release + "x"
        super()._create(name, spec)


class ErrorOnAbsent(Memory):
    def observe(self, scope: Scope) -> Observed:
        if scope.name not in self.world.scopes:
            raise KeyError(scope.name)
        return super().observe(scope)


class OthersKeepTheirTraffic(Memory):
    def start(self, action: Action) -> Operation:
        if isinstance(action, ShiftTraffic):
            shares = {w.release: w.percent for w in action.weights}
            self._each(action.scope, lambda r: replace(r, weight=shares.get(r.release, r.weight)))
            return Operation(action=action)
        return super().start(action)


class TaskTwice(Memory):
    def _run_once(self, release: str) -> None:
        self._save(tasks={**self.world.tasks, release: self.world.tasks.get(release, 0) + 1})


class FenceOfTime(Memory):
    count = 0

    def observe(self, scope: Scope) -> Observed:
        self.count += 1
        return replace(super().observe(scope), fence=str(self.count))


class ConstantFence(Memory):
    def observe(self, scope: Scope) -> Observed:
        return replace(super().observe(scope), fence="always")


class AnyDigestWillDo(Memory):
    def _verify(self, action: Any) -> Any:
        there = self.observe(action.spec.scope).find(action.release)
        assert there is not None
        return super()._verify(replace(action, spec=replace(action.spec, image=there.image)))


class CrashIsFine(Memory):
    def _verify(self, action: Any) -> Any:
        self._each(action.spec.scope, lambda r: replace(r, state=State.HEALTHY))
        return super()._verify(action)


class RemovesTooMuch(Memory):
    def start(self, action: Action) -> Operation:
        if isinstance(action, Remove):
            self._put(action.scope, ())
            return Operation(action=action)
        return super().start(action)


class ForgetsTheTask(Memory):
    def start(self, action: Action) -> Operation:
        if isinstance(action, RunTask):
            return Operation(action=action)
        return super().start(action)

    def _task_ended(self, release: str, spec: Spec) -> Any:
        return super()._task_ended(release, replace(spec, image=replace(spec.image, tag="one")))


MUTANTS = (
    TrafficOnCreate,
    DuplicateOnRepeat,
    ErrorOnAbsent,
    OthersKeepTheirTraffic,
    TaskTwice,
    FenceOfTime,
    ConstantFence,
    AnyDigestWillDo,
    CrashIsFine,
    RemovesTooMuch,
    ForgetsTheTask,
)


def contract_tests() -> list[Callable[..., None]]:
    """Every test function of the contract that needs a provider and specs."""
    names = (name for name in dir(ProviderContract) if name.startswith("test_"))
    return [getattr(TestMemory, name) for name in names]


def survives(make: Callable[[], Memory]) -> bool:
    """Whether a provider passes the whole contract."""
    suite = TestMemory()
    for test in contract_tests():
        needs = test.__code__.co_varnames[1 : test.__code__.co_argcount]
        given = {"provider": make(), "specs": spec_of}
        try:
            test(suite, **{name: given[name] for name in needs})
        except (Exception, pytest.fail.Exception):
            return False
    return True


def test_the_original_passes() -> None:
    assert survives(Memory)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.__name__)
def test_the_contract_catches(mutant: type[Memory]) -> None:
    assert not survives(mutant)
