r"""Write rows as CSV in the one form that the pipeline reads.

UTF-8 without a mark, `\n` between rows, quotes only where needed: equal rows give equal bytes.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from issuesum.training.corpus.issue import COLUMNS, Issue
from issuesum.training.corpus.reading import normalise


@contextmanager
def writing_rows(
    path: Path, columns: Sequence[str], *, after: Path | None = None
) -> Iterator[Callable[[Sequence[object]], object]]:
    """Give a function that writes one row to `path`; on disk when the block ends.

    Args:
        path: the file to create.
        columns: the header.
        after: a file in the same form whose bytes, header included, come first.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if after is None:
            writer.writerow(columns)
        else:
            with after.open(encoding="utf-8", newline="") as earlier:
                shutil.copyfileobj(earlier, file)
        yield writer.writerow
        file.flush()
        os.fsync(file.fileno())


def write_issues(path: Path, issues: Iterable[Issue]) -> None:
    """Write `issues`, normalised, in their order."""
    with writing_rows(path, COLUMNS) as write:
        for issue in issues:
            write(normalise(issue))
