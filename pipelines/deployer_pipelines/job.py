"""Everything needed to change one scope, and what is remembered while doing so."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from deployer.actions import (
    Destroy,
    Plan,
    Remove,
    Retire,
    RunTask,
    ShiftTraffic,
    Verify,
)
from deployer.errors import Busy
from deployer.events import Event, Finished, Said, Started
from deployer.execute import Hands, patiently
from deployer.model import Observed, Proof, Scope
from deployer.plan import Policy
from deployer.releases.lease import Lease
from deployer.releases.ledger import Ledger
from deployer.releases.owner import this_process
from deployer.releases.records import Origin
from deployer.releases.store import Store


@dataclass(frozen=True, slots=True)
class Job:
    """One scope to change, by whom, with what."""

    scope: Scope
    hands: Hands
    store: Store
    policy: Policy = Policy()
    origin: Origin = Origin()
    lock_wait: float = 90.0  # seconds; longer than a dead holder's lease lives
    wait: bool = True  # False: end once all traffic was told to move
    basis: str | None = None  # the fence of a stored plan: refused if it has changed

    @property
    def ledger(self) -> Ledger:
        """The history of this scope."""
        return Ledger(self.store)


@dataclass(slots=True)
class Trail:
    """How far a deployment has come; only events move it."""

    before: Observed
    plan: Plan
    began: list[type] = field(default_factory=list)
    proven: bool = False
    proof: Proof = Proof.NONE

    def follow(self, events: Iterator[Event]) -> Iterator[Event]:
        """Pass `events` on, and remember."""
        for event in events:
            if isinstance(event, Started):
                self.began.append(type(event.action))
            if isinstance(event, Finished) and isinstance(event.action, Verify):
                self._verified(event.action)
            yield event

    @property
    def moved(self) -> bool:
        """Whether traffic may have moved."""
        return ShiftTraffic in self.began

    @property
    def touched(self) -> bool:
        """Whether anything was begun that changes the target."""
        return any(kind is not Verify for kind in self.began)

    @property
    def destroying(self) -> bool:
        """Whether there is nothing that could be put back."""
        return any(isinstance(action, Destroy) for action in self.plan.actions)

    @property
    def task_ran(self) -> bool:
        """Whether the release command may have run."""
        return RunTask in self.began

    @property
    def tidying(self) -> bool:
        """Whether only leftovers are still to be removed: the promise is kept already."""
        return self.proven and (Retire in self.began or Remove in self.began)

    def _verified(self, action: Verify) -> None:
        if action.stage == "serving" and action.weight == 100:
            self.proven, self.proof = True, action.spec.proof


def lease(job: Job, what: str) -> Generator[Event, None, Lease]:
    """The lease of the job's scope, held and renewed until it is given back.

    Waits up to `job.lock_wait` for another deployment to end, and says for whom; raises Busy
    after that, and at once for a manual lock.
    """
    found = Lease(job.store, this_process(job.origin.run_url))
    yield from _take(found, what, job)
    found.keep()
    return found


def _take(lease: Lease, what: str, job: Job) -> Iterator[Event]:
    until, told = job.hands.now() + job.lock_wait, ""
    while True:
        job.hands.cancel.check()
        try:
            patiently(lambda: lease.take(what), job.hands)
            return
        except Busy as busy:
            held = lease.look()
            if job.hands.now() >= until or (held and held.manual):
                raise
            if busy.what != told:
                told = busy.what
                yield Said(text=f"waiting: {told}", scope=job.scope)
        job.hands.wait(1.0)
