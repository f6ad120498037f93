"""F1: a run that is killed at any call leaves a state from which the same command converges."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from deployer.events import Report
from deployer.model import ReleaseCommand, Revision, State
from deployer.outcome import Outcome
from deployer.plan import Policy
from deployer.releases.lease import Lease
from deployer.releases.ledger import Ledger
from deployer.releases.owner import this_process
from deployer.releases.records import Entry
from deployer.testing.memory import Memory
from deployer_pipelines.job import Job
from tests.faults.crashes import Point, Strike, enumerate_crashes
from tests.support.story import SCOPE, Story, staged

Command = Callable[[Story], Report]

MIGRATE = Policy(release_command=ReleaseCommand(command=("migrate",)))


@dataclass
class Struck(Story):
    """A story whose calls, those of its store too, are crash points."""

    strike: Strike = field(default_factory=Strike)

    def job(self) -> Job:
        job = super().job()
        return replace(job, store=self.strike.store(job.store))


class Stage:
    """Worlds that start alike, and the stories told in them."""

    def __init__(self, folder: Path, policy: Policy, *before: str) -> None:
        self._folder, self._policy, self._count = folder, policy, 0
        self._first = folder / "first"
        self._first.mkdir()
        for tag in before:
            self.story(self._first).ship(tag)
        self.known = len(self.history(self._first))

    def fresh(self) -> Path:
        """A new world in the state in which all of them start."""
        self._count += 1
        return Path(shutil.copytree(self._first, self._folder / str(self._count)))

    def story(self, world: Path, strike: Strike | None = None) -> Story:
        """A process of its own that deploys in `world`."""
        memory = Memory(world / "world.json", polls=1)
        if strike is None:
            return Story(provider=memory, policy=self._policy)
        return Struck(provider=strike.provider(memory), policy=self._policy, strike=strike)

    def history(self, world: Path) -> tuple[Entry, ...]:
        """The records in `world`."""
        return Ledger(Memory(world / "world.json").store(SCOPE)).history()

    def revisions(self, world: Path) -> tuple[Revision, ...]:
        """What is there in `world`."""
        return Memory(world / "world.json").observe(SCOPE).revisions

    def running(self, world: Path) -> list[str | None]:
        """The images that run in `world`, with traffic or without."""
        there = self.revisions(world)
        return [r.image.tag for r in there if r.state is not State.STOPPED]

    def concluded(self, world: Path) -> list[tuple[str, Outcome]]:
        """Kind and outcome of each deployment after the first ones; each has one."""
        entries = self.history(world)[self.known :]
        assert all(e.conclusion for e in entries), "an intent has no conclusion"
        return [(e.intent.kind, e.conclusion.outcome) for e in entries if e.conclusion]

    def lease_is_free(self, world: Path) -> bool:
        """Whether somebody else can take it at once."""
        lease = Lease(Memory(world / "world.json").store(SCOPE), this_process())
        return lease.look() is None


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """In memory where that can be: thousands of records are made durable one by one."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield lambda policy, *before: Stage(Path(folder), policy, *before)


def crash_everywhere(stage: Stage, command: Command, check: Callable[[Path, Point], None]) -> int:
    """Kill `command` at each of its calls; the number of crash points."""
    points = enumerate_crashes(
        stage.fresh, lambda world, strike: command(stage.story(world, strike)), check
    )
    return len(points)


@pytest.mark.parametrize(
    ("policy", "before"),
    [
        (Policy(), ("one",)),
        (Policy(), ()),
        (MIGRATE, ("one",)),
        (staged(10, 50, 100), ("one",)),
    ],
    ids=["a new version", "the first version", "with a release command", "in stages"],
)
def test_f01_a_killed_ship_converges(
    stage: Callable[..., Stage], policy: Policy, before: tuple[str, ...]
) -> None:
    worlds = stage(policy, *before)

    def converges(world: Path, point: Point) -> None:
        assert worlds.lease_is_free(world)
        second = worlds.story(world).ship("two")
        assert second.outcome in (Outcome.SUCCEEDED, Outcome.UNCHANGED)
        assert worlds.story(world).serving() == ("two", 100)
        assert len(worlds.revisions(world)) == len(before) + 1
        assert worlds.running(world) == ["two"]
        assert worlds.concluded(world) == [("ship", Outcome.SUCCEEDED)]
        tasks = worlds.story(world).memory.world.tasks
        assert len(tasks) == (len(before) + 1 if policy.release_command else 0)
        settled(worlds, world)

    assert crash_everywhere(worlds, lambda story: story.ship("two"), converges) >= 40


def settled(worlds: Stage, world: Path) -> None:
    """The third run changes nothing, and the old version can still be rolled back to."""
    story = worlds.story(world)
    changes = story.memory.world.changes
    assert story.ship("two").outcome is Outcome.UNCHANGED
    assert story.memory.world.changes == changes
    assert worlds.lease_is_free(world)
    if worlds.known:
        assert story.rollback().outcome is Outcome.SUCCEEDED
        assert story.serving() == ("one", 100)


@pytest.mark.parametrize("policy", [Policy(), staged(10, 50, 100)], ids=["at once", "in stages"])
@pytest.mark.parametrize("tag", ["turns", "crash", "sick"])
def test_f01_a_killed_ship_of_a_bad_version_gives_back_what_served(
    stage: Callable[..., Stage], policy: Policy, tag: str
) -> None:
    worlds = stage(policy, "one")

    def converges(world: Path, point: Point) -> None:
        assert worlds.lease_is_free(world)
        again = worlds.story(world).ship(tag)
        assert again.outcome in (Outcome.FAILED_ROLLED_BACK, Outcome.FAILED_NOTHING_CHANGED)
        assert worlds.story(world).serving() == ("one", 100)
        assert [r.image.tag for r in worlds.revisions(world)] == ["one"]
        assert 1 <= len(worlds.concluded(world)) <= 2  # two if the first had been concluded
        assert worlds.story(world).ship("one").outcome is Outcome.UNCHANGED

    assert crash_everywhere(worlds, lambda story: story.ship(tag), converges) >= 40


def test_f01_a_killed_first_ship_of_a_bad_version_leaves_nothing(
    stage: Callable[..., Stage],
) -> None:
    worlds = stage(Policy())

    def converges(world: Path, point: Point) -> None:
        again = worlds.story(world).ship("crash")
        assert again.outcome is Outcome.FAILED_NOTHING_CHANGED
        assert worlds.revisions(world) == ()
        assert worlds.story(world).memory.world.ready == ()

    assert crash_everywhere(worlds, lambda story: story.ship("crash"), converges) >= 30


def test_f01_a_killed_rollback_converges_and_goes_no_further_back(
    stage: Callable[..., Stage],
) -> None:
    worlds = stage(Policy(), "zero", "one", "two")

    def converges(world: Path, point: Point) -> None:
        assert worlds.lease_is_free(world)
        ended = [e.conclusion for e in worlds.history(world)[worlds.known :]]
        if not (ended and ended[-1]):  # else it was done, and a second one would go further
            assert worlds.story(world).rollback().outcome is Outcome.SUCCEEDED
        assert worlds.story(world).serving() == ("one", 100)
        assert worlds.concluded(world) == [("rollback", Outcome.SUCCEEDED)]
        assert worlds.running(world) == ["one"]
        assert len(worlds.revisions(world)) == 3

    assert crash_everywhere(worlds, lambda story: story.rollback(), converges) >= 30


def test_f01_a_killed_rollback_to_a_named_release_converges(stage: Callable[..., Stage]) -> None:
    worlds = stage(Policy(), "one", "two")
    first = worlds.history(worlds.fresh())[0].intent.release

    def converges(world: Path, point: Point) -> None:
        again = worlds.story(world).rollback(first)
        assert again.outcome in (Outcome.SUCCEEDED, Outcome.UNCHANGED)
        assert worlds.story(world).serving() == ("one", 100)
        assert worlds.concluded(world) == [("rollback", Outcome.SUCCEEDED)]
        assert worlds.story(world).rollback(first).outcome is Outcome.UNCHANGED

    assert crash_everywhere(worlds, lambda story: story.rollback(first), converges) >= 30


def test_f01_after_a_killed_ship_a_rollback_leads_back(stage: Callable[..., Stage]) -> None:
    worlds = stage(Policy(), "one")

    def back(world: Path, point: Point) -> None:
        live = worlds.story(world).serving()
        report = worlds.story(world).rollback()
        if live == ("two", 100):
            assert report.outcome is Outcome.SUCCEEDED
        assert worlds.story(world).serving() == ("one", 100)

    crash_everywhere(worlds, lambda story: story.ship("two"), back)
