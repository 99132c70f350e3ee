"""Messages are one line."""

from __future__ import annotations

from issuesum import errors
from issuesum.errors import IssuesumError, one_line


def test_what_an_error_says_is_folded_to_one_line() -> None:
    assert one_line(ValueError("no\n  such\tthing ")) == "no such thing"


def test_each_kind_has_an_exit_code_of_its_own() -> None:
    # Others are of one page or one test, and end no process.
    kinds = [kind for kind in IssuesumError.__subclasses__() if kind.__module__ == errors.__name__]
    assert len({kind.exit_code for kind in kinds}) == len(kinds)
