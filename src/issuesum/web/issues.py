"""Issues for the button that takes one at random."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from issuesum.errors import DataError
from issuesum.training.corpus.issue import COLUMNS, Issue
from issuesum.web.contract import MAX_BODY

_KEPT = 10_000
"""Issues that are held in memory at most: a corpus may have millions."""


def load_issues(csv: Path | None, side: Path) -> list[Issue]:
    """Return the first issues of a CSV if one is named, else of a side of the split.

    Args:
        csv: as `issuesum ingest` takes it; rows that cannot be used are passed over.
        side: folder of shards, which need not be there.

    Returns:
        Issues with bodies that the page takes; none if there is neither CSV nor shard.

    Raises:
        DataError: the CSV cannot be read, or has no such issue.
        ArtifactError: a shard is broken.
    """
    if csv is None:
        return _kept(_of_shards(side)) if any(side.glob("part-*.parquet")) else []
    from issuesum.training.corpus.reading import read_issues

    kept = _kept(row for row in read_issues(csv) if isinstance(row, Issue))
    if not kept:
        raise DataError(
            f"{csv} must hold an issue with a title and a body. Received: none. "
            "Try: another file, or leave --issues out."
        )
    return kept


def _of_shards(folder: Path) -> Iterable[Issue]:
    from issuesum.training.corpus.shards import read_head

    columns = read_head(folder, _KEPT)[list(COLUMNS)]
    return (Issue(*row) for row in columns.itertuples(index=False))


def _kept(issues: Iterable[Issue]) -> list[Issue]:
    return list(islice((issue for issue in issues if len(issue.body) <= MAX_BODY), _KEPT))
