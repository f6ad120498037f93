"""What the events have told so far, per scope: the one memory behind every view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from deployer.actions import Action, Plan
from deployer.events import (
    Building,
    Built,
    Event,
    Failed,
    Finished,
    Planned,
    Problem,
    Report,
    Said,
    Started,
    Waiting,
)
from deployer.model import Scope
from deployer.render.words import words

Clock = Callable[[], float]


@dataclass(slots=True)
class Step:
    """One action as it is seen: under way until `seconds` is known or it has failed."""

    text: str
    began: float
    seconds: float | None = None
    detail: str = ""
    failed: bool = False

    @property
    def under_way(self) -> bool:
        """Begun, and neither done nor failed."""
        return self.seconds is None and not self.failed


@dataclass(slots=True)
class Chapter:
    """Everything about one scope."""

    scope: Scope
    plans: list[Plan] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    report: Report | None = None

    @property
    def current(self) -> Step | None:
        """The step under way."""
        return next((step for step in reversed(self.steps) if step.under_way), None)


@dataclass(slots=True)
class Build:
    """One image being built."""

    began: float
    line: str = ""
    built: Built | None = None


class Story:
    """Follows events. `now` is the clock that steps are timed with, in seconds."""

    def __init__(self, now: Clock) -> None:
        self.now = now
        self.chapters: dict[str, Chapter] = {}
        self.builds: dict[str, Build] = {}
        self.warnings: list[str] = []

    def follow(self, event: Event) -> None:
        """Remember what `event` says."""
        match event:
            case Said(level="warning", text=text):
                self.warnings.append(text)
            case Building(service=service, line=line):
                self._build(service).line = line
            case Built(service=service):
                self._build(service).built = event
            case Planned(plan=plan):
                self.chapter(plan.scope).plans.append(plan)
            case Started(scope=scope, action=action):
                self.chapter(scope).steps.append(self._step(action))
            case Waiting(scope=scope, detail=detail):
                self._under_way(scope).detail = detail
            case Finished(scope=scope, seconds=seconds):
                self._under_way(scope).seconds = seconds
            case Failed(scope=scope, problem=problem):
                self._fail(scope, problem)
            case Report(scope=scope):
                self.chapter(scope).report = event

    def chapter(self, scope: Scope) -> Chapter:
        """The chapter of `scope`, begun if need be."""
        return self.chapters.setdefault(str(scope), Chapter(scope))

    @property
    def reports(self) -> list[Report]:
        """One for each scope that has ended."""
        return [c.report for c in self.chapters.values() if c.report]

    @property
    def plans(self) -> list[Plan]:
        """The first plan of each scope: what was wanted, not what puts it back."""
        return [c.plans[0] for c in self.chapters.values() if c.plans]

    @property
    def unreported(self) -> list[tuple[Scope, Problem]]:
        """Failures of scopes that have no report."""
        return [(c.scope, p) for c in self.chapters.values() if not c.report for p in c.problems]

    def in_flight(self) -> list[tuple[str, Step]]:
        """What is under way now: who, and the step."""
        building = [
            (name, Step(text="build the image", began=b.began, detail=b.line))
            for name, b in list(self.builds.items())
            if not b.built
        ]
        running = [(name, c.current) for name, c in list(self.chapters.items())]
        return building + [(name, step) for name, step in running if step]

    def _build(self, service: str) -> Build:
        return self.builds.setdefault(service, Build(began=self.now()))

    def _step(self, action: Action) -> Step:
        return Step(text=words(action), began=self.now())

    def _under_way(self, scope: Scope) -> Step:
        return self.chapter(scope).current or Step(text="", began=self.now())

    def _fail(self, scope: Scope, problem: Problem) -> None:
        chapter = self.chapter(scope)
        chapter.problems.append(problem)
        if chapter.current:
            chapter.current.failed = True
