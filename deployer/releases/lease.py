"""The lease: one deployment at a time for a scope, over any create-once store.

It is a chain of generations, `lease/00000007.json` and so on. Taking, renewing and giving back
each create the next generation, so that of two who try only one succeeds; the generation at which
it was taken is the fencing number. A lease guards deployer against deployer; the provider's fence
guards against everybody else.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from deployer.errors import Busy, DeployerError, Transient
from deployer.noun import Noun, decode, encode
from deployer.releases.owner import Owner, is_dead
from deployer.releases.store import Store

FOLDER = "lease"
TTL = 60.0
RENEW = 15.0
LOST_AFTER = 2  # renewals missed in a row


class Held(Noun, frozen=True):
    """One generation of a lease."""

    owner: Owner
    what: str  # as "ship r0m2…"
    since: float
    expires: float
    fence: int
    free: bool = False
    manual: bool = False
    reason: str | None = None


class Lease:
    """The lease of one scope, as one process sees it."""

    def __init__(
        self, store: Store, owner: Owner, clock: Callable[[], float] | None = None
    ) -> None:
        self._clock = clock or _awake_or_not
        self._sure_until = 0.0
        self._store = store
        self._owner = owner
        self._generation = 0
        self._held: Held | None = None
        self._missed = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def look(self) -> Held | None:
        """Who holds it now; None if nobody does."""
        _, held = self._newest()
        return held if held and not self._takeable(held) else None

    def take(self, what: str, *, manual: bool = False, reason: str | None = None) -> Held:
        """Hold the lease. Raises Busy, naming the holder, if somebody else does."""
        generation, held = self._newest()
        if held and not self._takeable(held):
            raise _busy(held)
        now = self._store.now()
        mine = Held(
            owner=self._owner,
            what=what,
            since=now,
            expires=now + TTL,
            fence=generation + 1,
            manual=manual,
            reason=reason,
        )
        if not self._advance(generation + 1, mine):
            raise _busy(self._newest()[1] or mine)
        return mine

    def keep(self, wait: Callable[[threading.Event, float], bool] | None = None) -> None:
        """Renew in the background until `give_back`; `wait` is the clock of tests."""
        waits = wait or (lambda stop, seconds: stop.wait(seconds))
        self._thread = threading.Thread(target=self._renewals, args=(waits,), daemon=True)
        self._thread.start()

    def renew(self) -> None:
        """Extend the expiry once. Raises Busy if the lease is no longer ours."""
        held = self._ours()
        now = self._store.now()
        longer = replace(held, expires=now + TTL)
        if not self._advance(self._generation + 1, longer):
            raise _busy(self._newest()[1] or held)

    def check(self) -> None:
        """Raise Busy unless the lease is surely ours: called before every mutation."""
        late = self._clock() > self._sure_until
        if late or self._missed >= LOST_AFTER or self._held is None:
            raise Busy(
                "the lease was lost, so nothing more is changed",
                why="it could not be renewed; another deployment may have taken it",
                fix="deployer lock status, then run the command again: it goes on from here",
            )

    def give_back(self) -> None:
        """Stop renewing and free the lease; quietly if it is no longer ours."""
        self._stop.set()
        if self._thread:
            self._thread.join(timeout=5)
        if self._held is not None:
            free, self._held = replace(self._held, free=True), None
            with suppress(DeployerError):  # it expires by itself: no reason to fail now
                self._advance(self._generation + 1, free)

    def break_open(self) -> Held | None:
        """Free it whoever holds it (`deployer lock release`); gives the one who held it.

        Raises Busy if somebody was faster.
        """
        generation, held = self._newest()
        if held is None or held.free:
            return None
        if not self._advance(generation + 1, replace(held, free=True)):
            raise _busy(self._newest()[1] or held)
        return held

    def _renewals(self, wait: Callable[[threading.Event, float], bool]) -> None:
        while not wait(self._stop, RENEW * random.uniform(0.8, 1.2)):  # noqa: S311  # jitter
            try:
                self.renew()
                self._missed = 0
            except Busy:
                self._missed = LOST_AFTER
                return
            except DeployerError:
                self._missed += 1

    def _advance(self, generation: int, held: Held) -> bool:
        """Create the next generation; True if it is ours and still the newest."""
        key, data, began = self._key(generation), encode(held), self._clock()
        if not self._create(key, data) or self._generations()[-1:] != [generation]:
            return False
        self._generation, self._held = generation, None if held.free else held
        self._sure_until = began + TTL
        for old in self._generations()[:-2]:
            self._store.delete(self._key(old))
        return True

    def _create(self, key: str, data: bytes) -> bool:
        """True if it is ours. Raises Transient if nothing came to stand there."""
        try:
            if self._store.create(key, data):
                return True
        except Transient:  # perhaps only the answer was lost: what stands there tells
            there = self._store.read_many([key]).get(key)
            if there is None:
                raise
            return there == data
        return self._store.read_many([key]).get(key) == data

    def _newest(self) -> tuple[int, Held | None]:
        generations = self._generations()
        if not generations:
            return 0, None
        key = self._key(generations[-1])
        data = self._store.read_many([key]).get(key)
        return generations[-1], _parse(key, data) if data else None

    def _takeable(self, held: Held) -> bool:
        if held.free or held.owner.nonce == self._owner.nonce:
            return True
        if held.manual:
            return False
        return self._store.now() > held.expires or is_dead(held.owner)

    def _ours(self) -> Held:
        self.check()
        assert self._held is not None
        return self._held

    def _generations(self) -> list[int]:
        return [int(key[len(FOLDER) + 1 : -5]) for key in self._store.list(FOLDER)]

    def _key(self, generation: int) -> str:
        return f"{FOLDER}/{generation:08d}.json"


def _parse(key: str, data: bytes) -> Held:
    try:
        return decode(data, Held)
    except msgspec.MsgspecError as error:
        raise Busy(
            "the lease cannot be read, so somebody may hold it",
            where=key,
            why=f"it is broken, or a newer deployer wrote it: {error}",
            fix="upgrade: pip install -U deployer-cli; if nobody deploys, delete this object",
        ) from error


def _busy(held: Held) -> Busy:
    by = held.owner.run_url or held.owner.name
    if held.manual:
        return Busy(
            f"this target was locked by {by}: {held.reason or 'no reason given'}",
            fix="deployer lock release, once the reason is gone",
        )
    return Busy(
        f"another deployment is under way: {held.what}, by {by}",
        why=f"it holds the lease (number {held.fence}) and renews it",
        fix="wait for it, or raise --lock-wait; a holder that died is replaced within a minute",
    )


def _awake_or_not() -> float:
    """Seconds that go on while a laptop sleeps, which `time.monotonic` does not promise."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time()
