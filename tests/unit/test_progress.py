"""A bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import io
from contextlib import redirect_stderr

from issuesum.console import bar


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_rows_total_and_rate_are_shown_on_a_terminal() -> None:
    with redirect_stderr(_Terminal()) as terminal, bar("preprocess", 200) as shown:
        shown.update(50)
        shown.refresh()
    assert "preprocess:  25%" in terminal.getvalue()
    assert "50/200" in terminal.getvalue()
    assert "rows/s" in terminal.getvalue()


def test_nothing_is_written_to_a_pipe() -> None:
    with redirect_stderr(io.StringIO()) as pipe, bar("x", 10) as shown:
        shown.update(10)
    assert pipe.getvalue() == ""
