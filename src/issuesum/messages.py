"""What goes to standard error beside progress: errors, warnings and notes, one line each."""

from __future__ import annotations

import errno
import os
import sys
from typing import Literal

import click

from issuesum.errors import ArtifactError, IssuesumError, one_line
from issuesum.terminal import printable

Kind = Literal["error", "warning", "note"]
VERBOSE = "ISSUESUM_VERBOSE"
"""Environment variable that is set where tracebacks of foreseeable failures are wanted."""
_READER_GONE = 141
"""Exit code if nobody reads standard output any more: 128 and the number of SIGPIPE."""
_NETWORK = {"http", "requests", "socket", "ssl", "urllib"}
_UNREACHABLE = {errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH}


def say(kind: Kind, text: str) -> None:
    """Write a line to standard error; how it begins is coloured on a terminal."""
    start = click.style(f"{kind}:", fg="red" if kind == "error" else "yellow")
    click.echo(f"{start} {printable(' '.join(text.split()))}", err=True, color=coloured())


def explained(error: IssuesumError | OSError) -> IssuesumError:
    """Say what an error of the operating system means, which nobody nearer to its cause did."""
    if isinstance(error, IssuesumError):
        return error
    if _is_of_network(error):
        return IssuesumError(
            f"The network must carry what is asked of it. Received: {one_line(error)}. "
            "Try: check the address, DNS and the proxy (HTTPS_PROXY, NO_PROXY)."
        )
    return ArtifactError(
        "Inputs must be readable and outputs writable. Received: "
        f"{one_line(error)}. Try: check the path, free space and permissions."
    )


def reader_gone() -> int:
    """Give up standard output, which nobody reads any more, and return the exit code for that."""
    # What is buffered cannot be written, and Python would say so as it ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _READER_GONE


def _is_of_network(error: OSError) -> bool:
    if isinstance(error, (ConnectionError, TimeoutError)):
        return True
    # By name, lest a failure of a file import requests.
    modules = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return error.errno in _UNREACHABLE or bool(modules & _NETWORK)


def coloured() -> bool | None:
    """Return whether to colour; None leaves it to whether the stream is a terminal."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return True if os.environ.get("FORCE_COLOR") else None
