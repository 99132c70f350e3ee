"""SIGTERM as an exception, so that what is around a stage hears of it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(SystemExit):
    """SIGTERM came; the exit code is the one by which shells tell of it."""


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM unwind the block, so that it can be recorded.

    Not in a training of several workers: one that waits in TensorFlow for others would not end.
    """
    own = threading.current_thread() is threading.main_thread()
    if not own or os.environ.get("TF_CONFIG") or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    process = os.getpid()

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if os.getpid() != process:  # a child that was forked
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        raise Terminated(128 + number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
