"""A memory provider that goes wrong where a test says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from deployer.actions import Action
from deployer.errors import DeployerError
from deployer.provider import Endpoint, Operation, Progress
from deployer.testing.memory import Memory
from tests.support.story import Story


class Meddled:
    """A provider whose `start` or `check` goes wrong where a test says so."""

    def __init__(
        self,
        start: Callable[[Action], None] = lambda action: None,
        after: Callable[[Action], None] = lambda action: None,
        check: Callable[[Action], None] = lambda action: None,
    ) -> None:
        self.inner = Memory()
        self._start, self._after, self._check = start, after, check

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def start(self, action: Action) -> Operation:
        self._start(action)
        operation = self.inner.start(action)
        self._after(action)
        return operation

    def check(self, operation: Operation) -> Progress:
        self._check(operation.action)
        return self.inner.check(operation)


def raising(kind: type[Action], error: DeployerError, times: int = 10**6) -> Any:
    """A function that raises `error` for actions of `kind`, so many times."""
    left = [times]

    def meddle(action: Action) -> None:
        if isinstance(action, kind) and left[0] > 0:
            left[0] -= 1
            raise error

    return meddle


def with_an_outside(story: Story) -> Story:
    """Let the provider name an endpoint, so that the outside is asked."""
    inner = story.memory.check

    def check(operation: Operation) -> Progress:
        return replace(inner(operation), endpoint=Endpoint(url="http://127.0.0.1"))

    story.memory.check = check  # type: ignore[method-assign]
    return story
