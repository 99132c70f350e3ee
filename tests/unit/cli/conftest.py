"""The command as `main` runs it, in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from issuesum.cli import main
from issuesum.console import VERBOSE


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Issuesum = Callable[..., Ended]


@pytest.fixture
def issuesum(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Issuesum:
    """Return a function that runs the command line with some arguments."""
    for name in (VERBOSE, "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.setenv(name, "")  # and not unset, so that what -v sets is undone

    def call(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["issuesum", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        sys.stdout.flush()
        return Ended(int(ended.value.code or 0), *capfd.readouterr())

    return call
