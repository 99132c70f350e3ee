"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from issuesum.errors import IssuesumError, one_line

Status = Literal["ok", "note", "fail"]


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        status: `fail` if a stage, a commit or a push would fail; `note` if somebody may stumble.
        found: on one line.
        advice: what to do next, empty if nothing.
    """

    status: Status
    found: str
    advice: str = ""


def ok(found: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding("ok", found)


def note(found: str, advice: str) -> Finding:
    """Return a finding that stops nothing."""
    return Finding("note", found, advice)


def fail(found: str, advice: str) -> Finding:
    """Return a finding that stops something."""
    return Finding("fail", found, advice)


def of_error(error: IssuesumError) -> Finding:
    """Return a foreseeable error as what was found and what its message says to try."""
    found, _, advice = str(error).partition(" Try: ")
    return fail(found.removesuffix("."), advice.removesuffix("."))


def not_imported(error: Exception) -> Finding:
    """Return that a package is missing or broken, as after `git pull` without `make setup`."""
    return fail(f"cannot be imported: {type(error).__name__}: {one_line(error)}", "make setup")
