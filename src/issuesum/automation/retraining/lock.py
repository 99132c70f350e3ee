"""One retraining at a time in a clone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from issuesum.errors import RepositoryError

LOCK = Path(".issuesum/retrain.lock")


@contextmanager
def only_one(root: Path) -> Iterator[int]:
    """Hold the clone's lock, and yield the descriptor that holds it.

    The kernel drops the lock when the last process that has the descriptor ends, so none is left
    behind: a pipeline that was handed it goes on holding the lock if this process is killed.

    Raises:
        RepositoryError: another process holds it.
    """
    path = root / LOCK
    path.parent.mkdir(exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid, _, since = path.read_text(encoding="utf-8").strip().partition(" ")
            raise RepositoryError(
                f"One retraining at a time must run in {root.resolve()}. Received: that of process "
                f"{pid or 'unknown'}, since {since or 'just now'}. Try: the same when it has ended."
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()} {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n".encode(), 0)
        yield handle
    finally:
        os.close(handle)
