"""Progress without a terminal: a line per change, and a sign of life while nothing changes."""

from __future__ import annotations

from deployer.events import (
    Building,
    Built,
    Event,
    Failed,
    Finished,
    Output,
    Planned,
    Report,
    Said,
    Started,
    Waiting,
)
from deployer.model import short
from deployer.render.out import Out
from deployer.render.plan_text import changes
from deployer.render.problem import warning
from deployer.render.story import Clock, Story
from deployer.render.text import clean, duration
from deployer.render.words import aim, ending, words

SILENCE = 15.0  # seconds: jobs that stay silent look hung, and some CI systems end them


class Lines:
    """Writes events to `out` as lines. `now` gives seconds; call `tick` about once a second."""

    def __init__(self, out: Out, now: Clock) -> None:
        self.story = Story(now)
        self._out = out
        self._began = self._last = now()

    def show(self, event: Event) -> None:
        """Write what `event` changes."""
        self.story.follow(event)
        who, *texts = told(event, self._out)
        for text in texts:
            self._line(who, text)

    def tick(self) -> None:
        """Say what is awaited, where nothing was written for a while."""
        if self.story.now() - self._last < SILENCE - 1:
            return
        waiting = self.story.in_flight()
        for who, step in waiting:
            since = duration(self.story.now() - step.began)
            detail = f": {clean(step.detail)}" if step.detail else ""
            self._line(who, f"still waiting ({since}): {step.text}{detail}")
        if not waiting:
            self._line("", "still working")

    def stop(self) -> None:
        """Nothing is left to be taken away."""

    def _line(self, who: str, text: str) -> None:
        self._last = self.story.now()
        stamp = self._out.paint(f"[{duration(self._last - self._began):>6}]", "dim")
        self._out.line(f"{stamp} {who + ': ' if who else ''}{text}")


def told(event: Event, out: Out) -> list[str]:
    """Who `event` is about, and its lines."""
    match event:
        case Said(text=text, level=level, scope=scope):
            said = warning(text, out) if level == "warning" else [clean(text)]
            return [str(scope or ""), *said]
        case Building(service=service, line=line):
            return [service, f"| {clean(line)}"] if clean(line) else [service]
        case Built():
            return [event.service, built(event)]
        case Planned(plan=plan):
            return [str(plan.scope), f"plan: {aim(plan)}", *changes(plan, out)]
        case Started(scope=scope, action=action):
            return [str(scope), words(action)]
        case Waiting(scope=scope, detail=detail):
            return [str(scope), f"  {clean(detail)}"]
        case Output(scope=scope, line=line):
            return [str(scope), f"| {clean(line)}"]
        case Finished(scope=scope, action=action, seconds=seconds):
            return [str(scope), f"done in {duration(seconds)}: {words(action)}"]
        case Failed(scope=scope, problem=problem):
            return [str(scope), f"failed: {clean(problem.what)}"]
        case Report(scope=scope):
            return [str(scope), ending(event)]


def built(event: Built) -> str:
    """`image 9f3c… is there already` or `built image 9f3c… in 12s`."""
    digest = short(event.image.digest)
    if event.reused:
        return f"image {digest} is there already, nothing to build"
    return f"image {digest} is built, in {duration(event.seconds)}"
