"""Requests without a pause, counted: `with load(url) as hits: …; assert not hits.failed`.

Also a program: `python load.py URL` runs until SIGTERM or Ctrl-C, prints its counts as JSON and
exits with 1 if a request failed. Standard library only, so that the demo can use it as it is.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Hits:
    """What came back so far. `errors` counts failures by kind, `bodies` good answers by text."""

    bodies: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def ok(self) -> int:
        return sum(self.bodies.values())

    @property
    def failed(self) -> int:
        return sum(self.errors.values())

    def record(self, body: str | None, error: str | None, seconds: float) -> None:
        with self._lock:
            self.slowest = max(self.slowest, seconds)
            if error is None:
                self.bodies[body or ""] += 1
            else:
                self.errors[error] += 1

    def summary(self) -> dict[str, object]:
        """The counts, for people and for JSON."""
        with self._lock:
            counts = {"ok": self.ok, "failed": self.failed, "slowest_ms": self.slowest * 1000}
            return counts | {"errors": dict(self.errors), "bodies": dict(self.bodies)}


class Client:
    """One thread's requests, on one kept connection or on a new one each.

    Strict: a kept connection that the server closes under a request is a failure, not retried.
    """

    def __init__(self, url: str, keep_alive: bool, timeout: float) -> None:
        parts = urlsplit(url)
        self.path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.keep_alive = keep_alive
        kind = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        self.connection = kind[parts.scheme](str(parts.hostname), parts.port, timeout=timeout)

    def get(self) -> tuple[str | None, str | None]:
        """(body, None) for a status below 400, else (None, what went wrong)."""
        try:
            return self._get()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            return None, type(error).__name__

    def _get(self) -> tuple[str | None, str | None]:
        headers = {} if self.keep_alive else {"Connection": "close"}
        self.connection.request("GET", self.path, headers=headers)
        answer = self.connection.getresponse()
        body = answer.read().decode(errors="replace")
        if not self.keep_alive:
            self.connection.close()
        return (body, None) if answer.status < 400 else (None, f"status {answer.status}")


@contextlib.contextmanager
def load(
    url: str,
    threads: int = 4,
    keep_alive: bool = True,
    pause: float = 0.005,
    timeout: float = 10.0,
) -> Iterator[Hits]:
    """Hammers `url` from `threads` threads until the block ends; each waits `pause` seconds."""
    hits, stop = Hits(), threading.Event()
    workers = [
        threading.Thread(
            target=_hammer, args=(Client(url, keep_alive, timeout), hits, stop, pause), daemon=True
        )
        for _ in range(threads)
    ]
    for worker in workers:
        worker.start()
    try:
        yield hits
    finally:
        stop.set()
        for worker in workers:
            worker.join(timeout + 1)


def _hammer(client: Client, hits: Hits, stop: threading.Event, pause: float) -> None:
    while not stop.is_set():
        began = time.monotonic()
        body, error = client.get()
        hits.record(body, error, time.monotonic() - began)
        stop.wait(pause)
    client.connection.close()


def main() -> int:
    """`load.py URL [THREADS]`."""
    finished = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: finished.set())
    with load(sys.argv[1], threads=int((sys.argv[2:] or ["4"])[0])) as hits:
        finished.wait()
    print(json.dumps(hits.summary(), indent=2))
    return 1 if hits.failed or not hits.ok else 0


if __name__ == "__main__":
    sys.exit(main())
