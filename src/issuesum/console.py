"""What a terminal shows: errors, warnings, notes (one line each, on standard error), and bars."""

import errno
import os
import sys
from collections.abc import Iterable
from typing import Any, Literal

import click
from tqdm import tqdm

from issuesum.errors import ArtifactError, IssuesumError, one_line

Kind = Literal["error", "warning", "note"]
VERBOSE = "ISSUESUM_VERBOSE"
"""Environment variable that is set where tracebacks of foreseeable failures are wanted."""
INTERRUPTED = 130
"""Exit code after Ctrl+C: 128 and the number of SIGINT, as a shell has it."""
_READER_GONE = 141
"""Exit code if nobody reads standard output any more: 128 and the number of SIGPIPE."""
_NETWORK = {"http", "requests", "socket", "ssl", "urllib"}
_UNREACHABLE = {errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH}


def say(kind: Kind, text: str) -> None:
    """Write a line to standard error; its first word is coloured on a terminal."""
    start = click.style(f"{kind}:", fg="red" if kind == "error" else "yellow")
    click.echo(f"{start} {printable(' '.join(text.split()))}", err=True, color=coloured())


def explained(error: IssuesumError | OSError) -> IssuesumError:
    """Return an error of the operating system, which no other code explained, as one of ours."""
    if isinstance(error, IssuesumError):
        return error
    if _is_of_network(error):
        return IssuesumError(
            f"Network error: {one_line(error)}. "
            "Try: check the address, DNS and the proxy (HTTPS_PROXY, NO_PROXY)."
        )
    return ArtifactError(
        "Inputs must be readable and outputs writable. Received: "
        f"{one_line(error)}. Try: check the path, free space and permissions."
    )


def interrupted(who: str = "") -> int:
    """Report Ctrl+C in one line, and return the exit code for it."""
    if sys.stderr.isatty():
        click.echo(err=True)  # ends the line on which the terminal shows ^C
    say("error", f"{who}interrupted")
    return INTERRUPTED


def reader_gone() -> int:
    """Give up standard output, which nobody reads any more, and return the exit code for that."""
    # What is buffered cannot be written, and Python would report that as it ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _READER_GONE


def _is_of_network(error: OSError) -> bool:
    known = isinstance(error, (ConnectionError, TimeoutError)) or error.errno in _UNREACHABLE
    # By name, so that a failure of a file does not import requests.
    modules = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return known or bool(modules & _NETWORK)


def coloured() -> bool | None:
    """Return whether to colour; None leaves it to whether the stream is a terminal."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return True if os.environ.get("FORCE_COLOR") else None


def bar(description: str, total_rows: int | None = None, *, hidden: bool = False) -> "tqdm[Any]":
    """Return a bar of rows, rows/s and time left; use it in `with`, call its `update(n)`."""
    return tqdm(desc=description, total=total_rows, unit=" rows", disable=hidden or None)


def with_bar[T](batches: Iterable[list[T]], description: str, total: int) -> list[T]:
    """Return the items of all batches, and show a bar of `total` rows meanwhile."""
    found: list[T] = []
    with bar(description, total) as shown:
        for batch in batches:
            found += batch
            shown.update(len(batch))
    return found


def human_size(size: int) -> str:
    """Return bytes in the largest unit that leaves a number of at least 1."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= 0.99995 * scale:  # the unit below would show 1000.0
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"


def duration(seconds: float) -> str:
    """Return a duration in at most two units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def printable(text: str) -> str:
    """Return text with control, line-end and direction characters replaced."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
