"""Looking without changing: status, releases, logs, the lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import TypeVar

from deployer.config.placements import Placement
from deployer.errors import DeployerError, Unsupported
from deployer.events import Problem, describe
from deployer.execute import patiently
from deployer.model import Observed, Scope
from deployer.noun import Noun
from deployer.provider import Logs
from deployer.releases.lease import Held, Lease
from deployer.releases.owner import this_process
from deployer.releases.records import Entry
from deployer_pipelines.checks import Check, check, doctor
from deployer_pipelines.job import Job
from deployer_pipelines.request import Bench, Request, bench

T = TypeVar("T")
__all__ = [
    "Check",
    "History",
    "Lock",
    "Status",
    "check",
    "doctor",
    "lock_release",
    "lock_status",
    "lock_take",
    "logs",
    "releases",
    "status",
]


class Status(Noun, frozen=True):
    """One scope now: what is there, who is at it, how the last deployment ended."""

    scope: Scope
    observed: Observed | None = None
    held: Held | None = None
    last: Entry | None = None
    problem: Problem | None = None


class History(Noun, frozen=True):
    """One scope's deployments, newest first."""

    scope: Scope
    entries: tuple[Entry, ...] = ()
    live: str | None = None
    problem: Problem | None = None


class Lock(Noun, frozen=True):
    """Who holds one scope's lease."""

    scope: Scope
    held: Held | None = None
    problem: Problem | None = None


def status(request: Request) -> tuple[Status, ...]:
    """Each scope as it is. What cannot be looked at has a `problem` instead."""

    def one(job: Job) -> Status:
        history = patiently(job.ledger.history, job.hands)
        return Status(
            scope=job.scope,
            observed=patiently(lambda: job.hands.provider.observe(job.scope), job.hands),
            held=_lease(job).look(),
            last=history[-1] if history else None,
        )

    return _each(request, one, lambda scope, problem: Status(scope=scope, problem=problem))


def releases(request: Request, limit: int) -> tuple[History, ...]:
    """Each scope's last `limit` deployments."""

    def one(job: Job) -> History:
        entries = tuple(reversed(patiently(job.ledger.history, job.hands)))
        live = patiently(lambda: job.hands.provider.observe(job.scope), job.hands).live
        return History(
            scope=job.scope, entries=entries[:limit], live=live.release if live else None
        )

    return _each(request, one, lambda scope, problem: History(scope=scope, problem=problem))


def lock_status(request: Request) -> tuple[Lock, ...]:
    """Who holds each scope."""
    return _each(
        request,
        lambda job: Lock(scope=job.scope, held=_lease(job).look()),
        lambda scope, problem: Lock(scope=scope, problem=problem),
    )


def lock_take(request: Request, reason: str) -> tuple[Lock, ...]:
    """Lock each scope by hand: it stays until it is released by hand."""

    def one(job: Job) -> Lock:
        held = _lease(job).take("locked by hand", manual=True, reason=reason)
        return Lock(scope=job.scope, held=held)

    return _each(request, one, lambda scope, problem: Lock(scope=scope, problem=problem))


def lock_release(request: Request) -> tuple[Lock, ...]:
    """Free each scope, whoever holds it; tells who did."""
    return _each(
        request,
        lambda job: Lock(scope=job.scope, held=_lease(job).break_open()),
        lambda scope, problem: Lock(scope=scope, problem=problem),
    )


def logs(
    request: Request, *, release: str | None, since: float | None, follow: bool, limit: int
) -> Iterator[tuple[Scope, str]]:
    """Lines of what serves (or of `release`), each with its scope; ends unless `follow`.

    Raises Unsupported where a provider has no logs, and what a provider raises.
    """
    with bench(request) as there:
        streams = [
            (p.scope, _logs(there, p).logs(
                p.scope, release=release, since=since, follow=follow, limit=limit
            ))
            for p in request.placements
        ]  # fmt: skip
        if len(streams) == 1:
            yield from ((streams[0][0], line) for line in streams[0][1])
        else:
            yield from _merged(streams)


def _each(
    request: Request,
    look: Callable[[Job], T],
    failed: Callable[[Scope, Problem], T],
) -> tuple[T, ...]:
    found = []
    with bench(request) as there:
        for placement in request.placements:
            try:
                found.append(look(there.job(placement)))
            except DeployerError as error:
                found.append(failed(placement.scope, describe(error)))
    return tuple(found)


def _lease(job: Job) -> Lease:
    return Lease(job.store, this_process(job.origin.run_url))


def _logs(there: Bench, placement: Placement) -> Logs:
    provider = there.provider(placement)
    if isinstance(provider, Logs):
        return provider
    raise Unsupported(f"target {placement.scope.target} has no logs that deployer can read")


def _merged(streams: list[tuple[Scope, Iterator[str]]]) -> Iterator[tuple[Scope, str]]:
    lines: SimpleQueue[tuple[Scope, str] | BaseException | None] = SimpleQueue()

    def drain(scope: Scope, stream: Iterator[str]) -> None:
        try:
            for line in stream:
                lines.put((scope, line))
        except DeployerError as error:
            lines.put(error)
        lines.put(None)

    for scope, stream in streams:
        threading.Thread(target=drain, args=(scope, stream), daemon=True).start()
    left = len(streams)
    while left:
        item = lines.get()
        if isinstance(item, BaseException):
            raise item
        if item is None:
            left -= 1
        else:
            yield item
