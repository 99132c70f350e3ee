"""One export of an image at a time on this machine."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tqdm import tqdm


@contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Hold the lock of `name`; another process of this machine waits and says so.

    The kernel drops the lock when its holder dies, so none is ever left behind. The file stays.
    """
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    handle = _open(Path(tempfile.gettempdir()) / f"issuesum-export-{digest}.lock")
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tqdm.write(f"waiting for another export of {name}", file=sys.stderr)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    """Open a lock that may be another user's: for reading, which is all that a lock needs.

    Linux refuses to open another's file of /tmp in any way that could make one.
    """
    with suppress(FileExistsError):
        made = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDONLY, 0o644)
        os.fchmod(made, 0o644)  # whatever the umask
        os.close(made)
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
