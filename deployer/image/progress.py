"""BuildKit's plain progress, read line by line: what to show, and what to keep for a failure."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

_STEP = re.compile(r"#(\d+) (.*)")
_LOG = re.compile(r"\d+\.\d+ (.*)")
_CHATTER = re.compile(r"#\d+ (?!ERROR)|-+$| > ")
_LINE = re.compile(r"^(?:\S*[Dd]ockerfile\S*:(\d+)$|.*dockerfile parse error (?:on )?line (\d+))")
_PUSHING = "The push refers to repository"  # how `docker push` begins
_LAYER = re.compile(r"[0-9a-f]{12}: (?:Preparing|Waiting|Pushed|Layer already|Retrying in)")
KEPT = 20


@dataclass
class Progress:
    """What has been said so far: steps by number, each step's last lines, and the failure."""

    steps: dict[str, str] = field(default_factory=dict)
    logs: dict[str, deque[str]] = field(default_factory=dict)
    failed: str = ""
    line: int = 0
    pushing: bool = False
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT))

    def feed(self, text: str) -> str | None:
        """The line to show for `text`, without its numbers, or None for noise."""
        text = text.rstrip()
        if text and not _LAYER.match(text):
            self.tail.append(text)
        self.pushing |= text.startswith(_PUSHING)
        found = _STEP.match(text)
        if found:
            return self._step(found[1], found[2])
        if place := _LINE.match(text):
            self.line = int(place[1] or place[2])
        return None

    @property
    def failing_step(self) -> str:
        """The step that failed, as BuildKit names it: `[build 2/5] RUN make`; "" if none did."""
        return self.steps.get(self.failed, "")

    @property
    def evidence(self) -> tuple[str, ...]:
        """The last twenty lines of the failing step; if it said nothing, the errors alone."""
        if own := self.logs.get(self.failed):
            return tuple(own)
        return self.errors or tuple(self.tail)

    @property
    def errors(self) -> tuple[str, ...]:
        """What was said outside of the steps: the builder's own words about the failure."""
        return tuple(dict.fromkeys(line for line in self.tail if not _CHATTER.match(line)))

    def _step(self, number: str, said: str) -> str | None:
        if number not in self.steps:
            self.steps[number] = said
            return said if said.startswith("[") else None
        if said.startswith("ERROR: "):
            self.failed = number
            return said
        if log := _LOG.fullmatch(said):
            self.logs.setdefault(number, deque(maxlen=KEPT)).append(log[1])
            return f"  {log[1]}"
        return None
