"""The lease under any order of events: never two who are sure to hold it."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from deployer.errors import Busy, Transient
from deployer.releases.lease import TTL, Lease
from deployer.releases.owner import this_process
from deployer.releases.store import MemoryStore

WHO = st.integers(0, 2)


class Flaky(MemoryStore):
    """A store with a clock of its own that loses answers and requests on demand."""

    def __init__(self) -> None:
        super().__init__()
        self.time, self.fault = 1000.0, ""

    def now(self) -> float:
        return self.time

    def create(self, key: str, data: bytes) -> bool:
        fault, self.fault = self.fault, ""
        if fault == "before":
            raise Transient("the request was lost")
        made = super().create(key, data)
        if fault == "after":
            raise Transient("the answer was lost")
        return made


class Holders(RuleBasedStateMachine):
    """Three processes on three machines whose clocks stand still when they sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Flaky()
        self.leases = [self.process(i) for i in range(3)]
        self.fences: list[int] = []

    def process(self, number: int) -> Lease:
        owner = replace(this_process(), machine=f"machine {number}")
        return Lease(self.store, owner, clock=lambda: self.store.time)

    @rule(who=WHO)
    def take(self, who: int) -> None:
        sure = [i for i in range(3) if self.sure(i)]
        try:
            held = self.leases[who].take("ship")
        except (Busy, Transient):
            return
        assert sure in ([], [who]), "taken from one who was sure to hold it"
        if not sure:
            assert held.fence > max(self.fences, default=0), "a fence that was used before"
        self.fences.append(held.fence)

    @rule(who=WHO)
    def renew(self, who: int) -> None:
        self.tried(self.leases[who].renew)

    @rule(who=WHO)
    def give_back(self, who: int) -> None:
        self.leases[who].give_back()

    @rule(who=WHO)
    def die_and_come_back(self, who: int) -> None:
        self.leases[who] = self.process(who)

    @rule(seconds=st.sampled_from([1.0, 14.0, TTL / 2, TTL + 0.1]))
    def time_passes(self, seconds: float) -> None:
        self.store.time += seconds

    @rule(side=st.sampled_from(["before", "after"]))
    def the_next_write_is_disturbed(self, side: str) -> None:
        self.store.fault = side

    @invariant()
    def never_two(self) -> None:
        assert sum(self.sure(i) for i in range(3)) <= 1

    @invariant()
    def the_chain_stays_short(self) -> None:
        assert len(self.store.list("lease")) <= 3

    def sure(self, who: int) -> bool:
        """Whether this process would begin a change now."""
        return self.tried(self.leases[who].check)

    def tried(self, call: Any) -> bool:
        try:
            call()
        except (Busy, Transient):
            return False
        return True


TestHolders = Holders.TestCase
TestHolders.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
