"""Progress on a terminal: a tree of scopes and steps that is drawn over, a few times a second.

Finished scopes move above the live part for good, so that the live part stays small; it never
exceeds the screen, and is drawn at most ten times a second.
"""

from __future__ import annotations

from deployer.events import Building, Built, Event, Failed, Output, Planned, Report, Said
from deployer.render.lines import built, told
from deployer.render.out import Out
from deployer.render.plan_text import changes
from deployer.render.story import Chapter, Clock, Step, Story
from deployer.render.text import ascii_only, clean, duration, fit, width_of
from deployer.render.words import aim

FASTEST = 0.1  # seconds between two drawings
QUIET = 1.0  # seconds without any event after which a sign of life is drawn


class Tree:
    """Draws events on `out`. `now` gives seconds; `tick` is called a few times a second."""

    def __init__(self, out: Out, now: Clock) -> None:
        self.story = Story(now)
        self._out = out
        self._drawn: list[int] = []  # widths of the lines that are drawn over next
        self._at = float("-inf")
        self._changed = now()

    def show(self, event: Event) -> None:
        """Take in `event`; draw anew unless that was just done."""
        self.story.follow(event)
        self._changed = self.story.now()
        above = self._above(event)
        if above or self.story.now() - self._at >= FASTEST:
            self._draw(above)

    def tick(self) -> None:
        """Let the timings go on."""
        self._draw([])

    def stop(self) -> None:
        """Take the live part away; what was said above stays."""
        self._out.write(self._erase())
        self._drawn = []

    def _above(self, event: Event) -> list[str]:
        """What stays on the screen for good."""
        match event:
            case Built():
                return [f"{self._mark('good')} {event.service}: {built(event)}"]
            case Planned(plan=plan):
                return [f"{plan.scope}: {aim(plan)}", *changes(plan, self._out)]
            case Said() | Output():
                who, *texts = told(event, self._out)
                return [f"{who + ': ' if who else ''}{text}" for text in texts]
            case Report(scope=scope):
                return self._ended(self.story.chapter(scope))
            case Failed() | Building():
                return []
        return []

    def _draw(self, above: list[str]) -> None:
        live = self._live()
        width = self._out.width
        fitted = [self._fitted(line, width) for line in live]
        text = "".join(line + "\n" for line in [*above, *fitted])
        if text or self._drawn:
            self._out.write(self._erase() + text)
        self._drawn = [width_of(clean(line)) for line in fitted]
        self._at = self.story.now()

    def _erase(self) -> str:
        """Back to the first line drawn; a window made narrower has broken lines in two."""
        width = self._out.width
        rows = sum(max(1, -(-drawn // width)) for drawn in self._drawn)
        return f"\x1b[{rows}A\r\x1b[J" if rows else ""

    def _live(self) -> list[str]:
        """The lines of everything under way, as many as fit the screen."""
        chapters = [c for c in self.story.chapters.values() if not c.report]
        builds = self._builds() or self._idle()
        room = self._out.size()[1] - 2
        full = [line for chapter in chapters for line in self._block(chapter)]
        if len(builds) + len(full) <= room:
            return builds + full
        brief = builds + [self._brief(chapter) for chapter in chapters]
        if len(brief) <= room:
            return brief
        return [*brief[: room - 1], f"  and {len(brief) - room + 1} more"]

    def _builds(self) -> list[str]:
        now = self.story.now()
        return [
            f"{self._mark('busy')} {name}: build the image  {duration(now - build.began)}"
            + (f"  {clean(build.line)}" if build.line else "")
            for name, build in self.story.builds.items()
            if not build.built
        ]

    def _idle(self) -> list[str]:
        """A sign of life while nothing that has a name is under way."""
        still = self.story.now() - self._changed
        if self.story.in_flight() or still < QUIET:
            return []
        return [f"{self._mark('busy')} working  {duration(still)}"]

    def _block(self, chapter: Chapter) -> list[str]:
        steps = [f"  {self._step(step)}" for step in chapter.steps]
        return [str(chapter.scope), *steps] if steps else []

    def _brief(self, chapter: Chapter) -> str:
        step = chapter.current
        return f"{chapter.scope}  {self._step(step) if step else ''}".rstrip()

    def _ended(self, chapter: Chapter) -> list[str]:
        report = chapter.report
        assert report is not None
        kind = "good" if report.exit_code == 0 else "bad"
        steps = self._block(chapter)[1:]
        return [f"{self._mark(kind)} {chapter.scope}: {report.outcome}", *steps]

    def _step(self, step: Step) -> str:
        kind = "bad" if step.failed else "busy" if step.under_way else "good"
        seconds = step.seconds
        if seconds is None:
            seconds = self.story.now() - step.began
        detail = f"  {clean(step.detail)}" if step.detail and step.under_way else ""
        took = "" if step.failed else f"  {duration(seconds)}"
        return f"{self._mark(kind)} {step.text}{took}{detail}"

    def _mark(self, kind: str) -> str:
        mark, colour = _MARKS[kind]
        return self._out.paint(mark, colour)

    def _fitted(self, line: str, width: int) -> str:
        """`line` on one row; one that has to be cut loses its colours."""
        plain = ascii_only(clean(line)) if self._out.ascii else clean(line)
        if width_of(plain) < width:
            return line
        return fit(plain, width - 1, "~" if self._out.ascii else "…")


_MARKS = {"good": ("✓", "green"), "bad": ("✗", "red"), "busy": ("•", "yellow")}
