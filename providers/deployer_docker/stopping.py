"""Stopping containers beside other work: the engine answers only when the process has ended."""

from __future__ import annotations

import threading
from contextlib import suppress

from deployer.errors import DeployerError
from deployer_engine.client import Engine, translated


class Stops:
    """The containers of one scope that were told to stop. Whether they have is seen by looking."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads: dict[str, threading.Thread] = {}

    def begin(self, container: str) -> None:
        """Tell `container` to stop, once; it gets its own grace before it is killed."""
        thread = self._threads.get(container)
        if thread is None or not thread.is_alive():
            self._threads[container] = threading.Thread(
                target=self._stop, args=(container,), daemon=True
            )
            self._threads[container].start()

    def _stop(self, container: str) -> None:
        # What fails here shows in the next look: the container still runs, and is told again.
        with suppress(DeployerError), translated(f"container {container}"):
            self._engine.api.stop(container)
