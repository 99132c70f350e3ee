"""Messages are one line."""

from __future__ import annotations

from issuesum.errors import one_line


def test_what_an_error_says_is_folded_to_one_line() -> None:
    assert one_line(ValueError("no\n  such\tthing ")) == "no such thing"
