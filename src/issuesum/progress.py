"""Progress on a terminal; nothing in a pipe or a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm


def bar(description: str, total_rows: int | None = None, *, hidden: bool = False) -> tqdm[Any]:
    """Return a bar of rows, rows a second and time left; use it in `with`, call its `update(n)`."""
    return tqdm(desc=description, total=total_rows, unit=" rows", disable=hidden or None)


@contextmanager
def reading_bar(description: str) -> Iterator[Callable[[int, float], None]]:
    """Give a function for `reading.read_issues` to call: a bar for a number of rows not yet known.

    The total is what the rows so far, and the share of the bytes that they took, let expect.
    """
    with bar(description) as shown:

        def watch(rows: int, share: float) -> None:
            shown.total = round(rows / share)
            shown.update(rows - shown.n)

        yield watch
