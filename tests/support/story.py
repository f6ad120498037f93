"""Stories on the in-memory provider: ship this, roll that back, with a clock that only sleeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from deployer.diagnose import Answer
from deployer.events import Event, Report
from deployer.execute import Cancel, Hands, Pace
from deployer.model import RegistryImage, Rollout, Scope, SecretRef, Spec
from deployer.plan import Policy
from deployer.provider import Endpoint, Provider
from deployer.testing.memory import Memory
from deployer_pipelines import verbs
from deployer_pipelines.job import Job

SCOPE = Scope(app="shop", environment="default", target="here", service="api", name="shop-api")
GOOD = Answer(kind="ok", status=200)


def spec_of(tag: str, **changes: object) -> Spec:
    """A spec whose image is `tag`; what memory images do is decided by their tag."""
    digest = "sha256:" + tag.encode().hex().ljust(64, "0")
    image = RegistryImage(repository="r/app", digest=digest, tag=tag)
    return Spec(scope=SCOPE, image=image, port=8000, **changes)  # type: ignore[arg-type]


@dataclass
class Story:
    """One scope and everything that happens to it."""

    provider: Provider = field(default_factory=Memory)
    policy: Policy = Policy()
    answer: Callable[[Endpoint], Answer] = lambda endpoint: GOOD
    cancel: Cancel = field(default_factory=Cancel)
    lock_wait: float = 0.0
    time: float = 0.0
    events: list[Event] = field(default_factory=list)

    def job(self) -> Job:
        """The job of the next command."""
        hands = Hands(
            provider=self.provider,
            cancel=self.cancel,
            pace=Pace(deadline=600),
            now=lambda: self.time,
            sleep=self.sleep,
            ask=lambda endpoint, health: self.answer(endpoint),
        )
        store = self.memory.store(SCOPE)
        return Job(
            scope=SCOPE, hands=hands, store=store, policy=self.policy, lock_wait=self.lock_wait
        )

    @property
    def memory(self) -> Memory:
        """The world behind the provider."""
        found = getattr(self.provider, "inner", self.provider)
        assert isinstance(found, Memory)
        return found

    def sleep(self, seconds: float) -> None:
        """The only way that time passes."""
        self.time += seconds

    def ship(self, tag: str, *, force: bool = False, **changes: object) -> Report:
        """Ship an image by its tag."""
        spec = self.provider.pin(spec_of(tag, **changes))
        return self.run(verbs.ship(self.job(), spec, force=force))

    def rollback(self, release: str | None = None) -> Report:
        """Roll back."""
        return self.run(verbs.rollback(self.job(), release))

    def run(self, events: Iterator[Event]) -> Report:
        """All events, of which the last one is the report."""
        self.events = list(events)
        last = self.events[-1]
        assert isinstance(last, Report)
        return last

    def serving(self) -> tuple[str | None, int]:
        """The tag of the image that serves, and its share; seen at the provider."""
        live = self.memory.observe(SCOPE).live
        return (live.image.tag, live.weight) if live else (None, 0)


def staged(*stages: int) -> Policy:
    """A policy that moves traffic in stages."""
    return Policy(rollout=Rollout(stages=stages))


__all__ = ["GOOD", "SCOPE", "SecretRef", "Story", "spec_of", "staged"]
