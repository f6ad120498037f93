"""Crash enumeration: the process is killed before and after each call that it makes.

`enumerate_crashes` knows no provider. A test says how to make a world, how to run one command in
it through `Strike`, and what has to be true after the kill; every call gets its turn.
"""

from __future__ import annotations

import json
import os
import signal
import traceback
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, TypeVar

from deployer.actions import Action
from deployer.diagnose import Signs
from deployer.model import Observed, Scope, Spec
from deployer.provider import Operation, Progress, Provider
from deployer.releases.store import Store

T = TypeVar("T")
W = TypeVar("W")
Watch = Callable[[str], bool]


@dataclass(frozen=True)
class Point:
    """A place to die: the `call`-th watched call, counted from 1, and the side of it."""

    call: int
    side: Literal["before", "after"]
    name: str  # as `start ShiftTraffic` or `create records`

    def __str__(self) -> str:
        return f"{self.side} call {self.call} ({self.name})"


def everything(name: str) -> bool:
    """Watch each call."""
    return True


def changes(name: str) -> bool:
    """Watch what changes something: `start` of all but Verify, and what the store is told."""
    return name.startswith(("start ", "create ", "delete ")) and name != "start Verify"


class Strike:
    """Counts watched calls, and kills this very process at one of them."""

    def __init__(self, at: Point | None = None, watch: Watch = everything) -> None:
        self.names: list[str] = []
        self._at, self._watch = at, watch

    def provider(self, inner: Provider) -> Provider:
        """`inner` with crash points around its calls, and around those of its store."""
        return _Provider(inner, self)

    def store(self, inner: Store) -> Store:
        """`inner` with crash points around what it is told to write and delete."""
        return _Store(inner, self)

    def around(self, name: str, call: Callable[[], T]) -> T:
        """`call()`, unless it is time to die."""
        if not self._watch(name):
            return call()
        self.names.append(name)
        self._die("before")
        try:
            return call()
        finally:
            self._die("after")

    def _die(self, side: str) -> None:
        if self._at and (self._at.call, self._at.side) == (len(self.names), side):
            os.kill(os.getpid(), signal.SIGKILL)


class _Provider:
    def __init__(self, inner: Provider, strike: Strike) -> None:
        self.inner, self._strike = inner, strike

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def pin(self, spec: Spec) -> Spec:
        return self._strike.around("pin", lambda: self.inner.pin(spec))

    def observe(self, scope: Scope) -> Observed:
        return self._strike.around("observe", lambda: self.inner.observe(scope))

    def start(self, action: Action) -> Operation:
        name = f"start {type(action).__name__}"
        return self._strike.around(name, lambda: self.inner.start(action))

    def check(self, operation: Operation) -> Progress:
        name = f"check {type(operation.action).__name__}"
        return self._strike.around(name, lambda: self.inner.check(operation))

    def explain(self, scope: Scope, release: str) -> Signs:
        return self._strike.around("explain", lambda: self.inner.explain(scope, release))

    def store(self, scope: Scope) -> Store:
        keeper: Any = self.inner
        return self._strike.store(keeper.store(scope))


class _Store:
    def __init__(self, inner: Store, strike: Strike) -> None:
        self._inner, self._strike = inner, strike

    def create(self, key: str, data: bytes) -> bool:
        return self._strike.around(_named("create", key), lambda: self._inner.create(key, data))

    def read_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        return self._inner.read_many(keys)

    def read_folder(self, prefix: str) -> dict[str, bytes]:
        return self._inner.read_folder(prefix)

    def list(self, prefix: str) -> list[str]:
        return self._inner.list(prefix)

    def delete(self, key: str) -> None:
        self._strike.around(_named("delete", key), lambda: self._inner.delete(key))

    def now(self) -> float:
        return self._inner.now()


def enumerate_crashes(
    make_world: Callable[[], W],
    run: Callable[[W, Strike], object],
    check: Callable[[W, Point], None],
    watch: Watch = everything,
) -> list[Point]:
    """Kill `run` at every watched call, on both sides of it, each time in a fresh world.

    `run` happens in a forked child and must make its calls through the strike it is given.
    `check` happens here, afterwards, and runs the command again; what it raises is collected.
    Returns the points that were tried. Raises AssertionError naming each that failed.
    """
    points = [
        Point(number, side, name)
        for number, name in enumerate(_calls(make_world(), run, watch), 1)
        for side in ("before", "after")
    ]
    wrong = [text for point in points if (text := _wrong(point, make_world, run, check, watch))]
    assert not wrong, f"{len(wrong)} of {len(points)} crash points:\n" + "\n".join(wrong)
    return points


def _calls(world: W, run: Callable[[W, Strike], object], watch: Watch) -> list[str]:
    """The names of the calls that an undisturbed run makes."""
    reading, writing = os.pipe()

    def count() -> None:
        strike = Strike(watch=watch)
        run(world, strike)
        with os.fdopen(writing, "w") as pipe:
            json.dump(strike.names, pipe)

    status = _in_a_child(count, writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    assert status == 0, "the run fails without any crash"
    names: list[str] = json.loads(told)
    return names


def _wrong(
    point: Point,
    make_world: Callable[[], W],
    run: Callable[[W, Strike], object],
    check: Callable[[W, Point], None],
    watch: Watch,
) -> str | None:
    world = make_world()
    status = _in_a_child(lambda: run(world, Strike(point, watch)))
    if status != -signal.SIGKILL:
        return f"{point}: the run ended with {status} before it came there"
    try:
        check(world, point)
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)[-1].line
        return f"{point}: {type(error).__name__}: {error} ({line})"
    return None


def _in_a_child(work: Callable[[], object], writing: int | None = None) -> int:
    """Run `work` in a fork; its exit code, negative for a signal. The child is collected."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads: none of ours survive
        pid = os.fork()
    if pid == 0:
        _child(work)
    if writing is not None:
        os.close(writing)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _child(work: Callable[[], object]) -> NoReturn:
    """No handler, fixture or buffer of the parent may run here: hence `_exit`."""
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _named(verb: str, key: str) -> str:
    return f"{verb} {key.partition('/')[0]}"
