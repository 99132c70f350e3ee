"""Metrics on their way to seldon-core's store, off the path of a request.

The store is a process of its own, and one update of it costs six messages there and back, whatever
it counts. So a thread of each worker updates it a few times a second. As no other thread of that
worker does, no increment is lost; in seldon-core's own way, two threads at once may lose one.
"""

from __future__ import annotations

import threading
import time
from inspect import getclosurevars
from queue import SimpleQueue
from typing import Any

from flask import current_app

_INTERVAL = 0.25  # seconds


class Counting:
    """Takes metrics in Seldon's form; safe to call from several threads."""

    def __init__(self) -> None:
        """Start no thread yet: it would not survive the fork of a worker."""
        self._waiting: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, metrics: list[dict[str, Any]]) -> None:
        """Count within a second, in the store of the app that answers now."""
        with self._lock:
            if self._thread is None:
                # seldon-core gives it to its routes alone.
                known = getclosurevars(current_app.view_functions["Predict"]).nonlocals
                given = (known["seldon_metrics"],)
                self._thread = threading.Thread(target=self._count, args=given, daemon=True)
                self._thread.start()
        for metric in metrics:
            self._waiting.put(metric)

    def _count(self, store: Any) -> None:  # noqa: ANN401 -- seldon-core has no types
        while True:
            first = self._waiting.get()
            time.sleep(_INTERVAL)
            others = [self._waiting.get() for _ in range(self._waiting.qsize())]
            try:
                store.update([first, *others], "predict")
            except (OSError, EOFError):  # it has ended, and so does the server
                return
