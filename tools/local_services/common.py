"""What the services share: their verbs, the line that is printed, private files, and ports."""

import contextlib
import fcntl
import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

LOOPBACK = "127.0.0.1"


class ServiceError(Exception):
    """A service is not available; the message is one line."""


@dataclass(frozen=True)
class Report:
    """One printed line: which service, where it answers, and in which state it is."""

    name: str
    address: str
    state: str
    up: bool
    log: Path | None = None

    def __str__(self) -> str:
        line = f"{self.name:<9} {self.address:<30} {self.state:<20}"
        return f"{line} log: {self.log}" if self.log else line.rstrip()


class Service(Protocol):
    """Something that the pipeline talks to."""

    name: str

    def up(self) -> Report:
        """Use what is there, else start it, and return when it answers."""

    def status(self) -> Report:
        """Look, and change nothing."""

    def down(self) -> Report | None:
        """Stop what was started from this state folder; None if there was nothing."""
        return None

    def exports(self) -> dict[str, str]:
        """Return the variables with which programs find it. Call after `up`."""
        return {}


def private_folder(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step; the new one has mode 0600 from its first byte."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).replace(path)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    write_private(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> dict[str, str | int]:
    """Read what `write_json` wrote; empty if the file is absent."""
    try:
        found: dict[str, str | int] = json.loads(path.read_text()) if path.exists() else {}
    except ValueError as error:
        raise ServiceError(f"{path} must hold JSON. Received: {error}. Try: remove it") from error
    return found


def last_line(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return next((line.strip() for line in reversed(text.split("\n")) if line.strip()), "no output")


@contextlib.contextmanager
def lock(state: Path) -> Iterator[None]:
    """Hold the state folder; a second process waits. The kernel drops it when its holder dies."""
    with (private_folder(state) / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another tools/services at {state}", file=sys.stderr, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port now, on every address, as weed asks."""
    try:
        # As servers do, it takes a port whose last connections linger.
        socket.create_server(("", port)).close()
    except OSError:
        return False
    return True


def free_port(avoid: set[int]) -> int:
    while True:
        with socket.create_server((LOOPBACK, 0)) as probe:
            port: int = probe.getsockname()[1]
        if port not in avoid:
            return port


def connects(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=3).close()
    except OSError:
        return False
    return True


def wait_until(done: Callable[[], bool], seconds: float) -> bool:
    """Look again and again, at most so long; return what was seen last."""
    deadline = time.monotonic() + seconds
    while not (found := done()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found
