"""Private files, written whole or not at all, and the lock of the state folder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from local_services.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner may enter, and return it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step; the new one has mode 0600 from its first byte."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, str | int]:
    """Read an object that `write_json` wrote; empty if the file is absent.

    Raises:
        ServiceError: somebody else wrote the file.
    """
    try:
        found: dict[str, str | int] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ServiceError(f"{path} must hold JSON. Received: {error}. Try: remove it") from error
    return found


def write_json(path: Path, value: Mapping[str, str | int]) -> None:
    """Write an object, private and in one step."""
    write_private(path, json.dumps(dict(value), indent=2) + "\n")


def last_line(path: Path) -> str:
    """Return the last line of a log that says something."""
    if not path.exists():
        return "(no output)"
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "(no output)")


@contextlib.contextmanager
def lock(state: Path) -> Iterator[None]:
    """Hold the state folder; a second process waits and says so.

    The kernel drops the lock when its holder dies, so none is ever left behind.
    """
    with (private_folder(state) / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another tools/services at {state}", file=sys.stderr, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
