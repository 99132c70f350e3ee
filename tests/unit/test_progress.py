"""A bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import io
from contextlib import redirect_stderr

from issuesum.console import bar, reading_bar


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


def test_total_of_a_file_is_estimated_from_the_bytes_read() -> None:
    with redirect_stderr(_Terminal()) as terminal, reading_bar("split") as watch:
        for rows, share in ((1_000, 0.25), (2_000, 0.4), (4_500, 1.0)):
            watch(rows, share)
    assert terminal.getvalue().rpartition("\r")[2].startswith("split: 100%")
    assert "4500/4500" in terminal.getvalue()


def test_a_file_without_rows_ends_the_bar_too() -> None:
    with redirect_stderr(_Terminal()) as terminal, reading_bar("split") as watch:
        watch(0, 1.0)
    assert "split" in terminal.getvalue()


def test_nothing_is_written_to_a_pipe() -> None:
    with (
        redirect_stderr(io.StringIO()) as pipe,
        reading_bar("split") as watch,
        bar("x", 10) as shown,
    ):
        watch(1_000, 0.5)
        shown.update(10)
    assert pipe.getvalue() == ""
