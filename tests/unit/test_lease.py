"""The lease: one holder at a time, with clocks that only tests move."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from deployer.errors import Busy, Transient
from deployer.noun import encode
from deployer.releases.lease import RENEW, TTL, Held, Lease
from deployer.releases.owner import Owner, this_process
from deployer.releases.store import MemoryStore


class Shared(MemoryStore):
    """A store whose clock is a number, and which can be out of reach."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 1000.0
        self.away = False
        self.full = False
        self.meanwhile: Callable[[], None] | None = None
        self.answers_lost = 0

    def now(self) -> float:
        return self.time

    def create(self, key: str, data: bytes) -> bool:
        self.reach()
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        if self.full:
            raise Transient("no room")
        made = super().create(key, data)
        if self.answers_lost:
            self.answers_lost -= 1
            raise Transient("the answer was lost")
        return made

    def list(self, prefix: str) -> list[str]:
        self.reach()
        return super().list(prefix)

    def reach(self) -> None:
        if self.away:
            raise Transient("no route to the store")


def elsewhere(name: str = "mia@laptop") -> Owner:
    """A process of another machine: nobody here can tell whether it lives."""
    return replace(this_process(), name=name, machine="another/one")


def lease(store: Shared, owner: Owner | None = None) -> Lease:
    return Lease(store, owner or elsewhere(), clock=lambda: store.time)


def test_a_free_lease_is_taken_and_seen() -> None:
    store = Shared()
    held = lease(store).take("ship r1")
    assert (held.what, held.fence, held.expires) == ("ship r1", 1, 1000 + TTL)
    assert lease(store).look() == held


def test_a_second_one_is_told_who_holds_it() -> None:
    store = Shared()
    lease(store, replace(elsewhere("ci"), run_url="https://ci/42")).take("ship r1")
    with pytest.raises(Busy, match="ship r1, by https://ci/42") as raised:
        lease(store).take("ship r2")
    assert raised.value.exit_code == 7


def test_given_back_it_is_free_and_the_fence_goes_up() -> None:
    store = Shared()
    first = lease(store)
    fence = first.take("a").fence
    first.give_back()
    assert lease(store).look() is None
    assert lease(store).take("b").fence > fence


def test_it_is_taken_over_only_after_it_has_expired() -> None:
    store = Shared()
    lease(store).take("a")
    store.time += TTL
    with pytest.raises(Busy):
        lease(store).take("b")
    store.time += 0.1
    assert lease(store).take("b").what == "b"


def test_renewing_keeps_it_for_ever() -> None:
    store = Shared()
    holder = lease(store)
    holder.take("a")
    for _ in range(20):
        store.time += RENEW
        holder.renew()
        holder.check()
        with pytest.raises(Busy):
            lease(store).take("b")


def test_a_dead_owner_of_this_machine_is_replaced_at_once() -> None:
    store = Shared()
    gone = replace(this_process(), pid=2**22 + 1)
    lease(store, gone).take("a")
    assert lease(store).take("b").what == "b"


def test_a_living_owner_of_this_machine_is_not() -> None:
    store = Shared()
    lease(store, this_process()).take("a")
    with pytest.raises(Busy):
        lease(store, this_process()).take("b")


@pytest.mark.parametrize("later", [TTL + 1, 10**9])
def test_a_manual_lock_is_never_taken_over(later: float) -> None:
    store = Shared()
    dead = replace(this_process(), pid=2**22 + 1)
    lease(store, dead).take("by hand", manual=True, reason="audit")
    store.time += later
    with pytest.raises(Busy, match="audit") as raised:
        lease(store).take("b")
    assert "lock release" in str(raised.value.fix)


def test_broken_open_it_is_free_and_its_holder_notices() -> None:
    store = Shared()
    holder = lease(store)
    held = holder.take("a", manual=True, reason="audit")
    broken = lease(store).break_open()
    assert broken == held
    assert lease(store).break_open() is None
    lease(store).take("b")
    with pytest.raises(Busy):
        holder.renew()


def test_a_late_renewal_after_a_takeover_fails_and_harms_nobody() -> None:
    store = Shared()
    late = Lease(store, elsewhere(), clock=lambda: 0.0)  # a laptop that thinks no time went by
    late.take("a")
    store.time += TTL + 1
    new = lease(store)
    held = new.take("b")
    for _ in range(5):
        with pytest.raises(Busy):
            late.renew()
        late.give_back()
        assert lease(store).look() == held
        new.renew()
        held = lease(store).look() or held
        new.check()


def test_a_laptop_that_slept_knows_that_it_may_have_lost_it() -> None:
    store = Shared()
    holder = lease(store)
    holder.take("a")
    store.time += TTL + 1
    with pytest.raises(Busy, match="lease was lost"):
        holder.check()


def renewals(store: Shared, holder: Lease, faults: list[bool]) -> None:
    """Run the background renewals to their end, out of reach of the store where `faults` says."""
    done = threading.Event()
    left = list(faults)

    def wait(stop: threading.Event, seconds: float) -> bool:
        assert 0.8 * RENEW <= seconds <= 1.2 * RENEW
        if not left:
            done.set()
            return True
        store.away = left.pop(0)
        return False

    holder.keep(wait)
    assert done.wait(5)
    store.away = False


@pytest.mark.parametrize(
    ("faults", "sure"),
    [
        ([False, False], True),
        ([True, False, True, False], True),
        ([True], True),
        ([True, True], False),
        ([False, True, True], False),
    ],
)
def test_two_missed_renewals_in_a_row_stop_all_changes(faults: list[bool], sure: bool) -> None:
    store = Shared()
    holder = lease(store)
    holder.take("a")
    renewals(store, holder, faults)
    if sure:
        holder.check()
    else:
        with pytest.raises(Busy):
            holder.check()


def test_a_lost_answer_is_resolved_by_reading() -> None:
    store = Shared()
    holder = lease(store)
    store.answers_lost = 1
    holder.take("a")
    store.answers_lost = 1
    holder.renew()
    holder.check()
    with pytest.raises(Busy):
        lease(store).take("b")


def test_a_store_that_takes_nothing_is_not_called_another_deployment() -> None:
    store = Shared()
    store.full = True
    with pytest.raises(Transient, match="no room"):
        lease(store).take("a")


def test_giving_back_out_of_reach_is_no_failure() -> None:
    store = Shared()
    holder = lease(store)
    holder.take("a")
    store.away = True
    holder.give_back()
    store.away = False
    store.time += TTL + 1
    lease(store).take("b")


@pytest.mark.parametrize(
    "change",
    [lambda data: data[:20], lambda data: data[:-1] + b',"later":1}'],
    ids=["torn", "new"],
)
def test_a_lease_that_cannot_be_read_counts_as_held(change: Callable[[bytes], bytes]) -> None:
    store = Shared()
    held = Held(owner=elsewhere(), what="a", since=0, expires=0, fence=7)
    store.create("lease/00000007.json", change(encode(held)))
    with pytest.raises(Busy, match="cannot be read"):
        lease(store).take("b")


def test_who_looked_long_ago_does_not_win_with_a_generation_that_was_swept_away() -> None:
    store = Shared()
    lease(store).take("before")
    store.time += TTL + 1
    faster = lease(store)

    def others_go_on() -> None:
        faster.take("b")
        for _ in range(3):
            faster.renew()

    store.meanwhile = others_go_on
    with pytest.raises(Busy, match="b, by"):
        lease(store).take("a")
    faster.check()
    held = lease(store).look()
    assert held is not None
    assert held.what == "b"


def test_it_does_not_grow() -> None:
    store = Shared()
    holder = lease(store)
    holder.take("a")
    for _ in range(50):
        holder.renew()
    assert len(store.list("lease")) <= 2


def test_its_own_process_may_take_it_again() -> None:
    store, owner = Shared(), this_process()
    lease(store, owner).take("a")
    assert lease(store, owner).take("b").owner.pid == os.getpid()
