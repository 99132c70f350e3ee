"""Which side an issue stands on, decided by the issue alone.

The side is a hash of the normalised title and body, so it needs no seed and no knowledge of the
other rows: adding or reordering rows moves no old row, and equal issues never stand on two sides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from issuesum.corpus.issue import COLUMNS, issue_key
from issuesum.corpus.shards import SIDES, Side, shard_path
from issuesum.errors import DataError


@dataclass(frozen=True)
class SplitSummary:
    """What became of the rows: `rows == sum(sides) + repeated`."""

    rows: int
    repeated: int
    train: int
    validation: int
    test: int


def side_of(key: bytes, *, validation: float, test: float) -> Side:
    """Return the side of the issue with this key.

    Args:
        key: what `issue_key` returned; read as a number that is uniform in [0, 1).
        validation: share of the validation side.
        test: share of the test side.
    """
    place = int.from_bytes(key[:8], "big") / 2**64
    if place < test:
        return "test"
    return "validation" if place < test + validation else "train"


def split_csv(
    source: Path,
    targets: Mapping[Side, Path],
    *,
    validation: float,
    test: float,
    shard_rows: int,
) -> SplitSummary:
    """Stream a raw CSV into Parquet shards.

    Shards are cut by input position, `shard_rows` rows of the source each, so appended rows touch
    only the last one. Of issues that repeat, the first is kept.

    Args:
        source: a CSV that `issuesum ingest` wrote.
        targets: an existing, empty folder for each side.
        validation: share of the validation side.
        test: share of the test side.
        shard_rows: rows of the source that are held in memory at a time.

    Raises:
        DataError: a side would be empty, or the source is not what `issuesum ingest` writes.
    """
    seen: set[bytes] = set()
    counts: Counter[str] = Counter()
    for number, chunk in enumerate(_chunks(source, shard_rows)):
        keys = [
            issue_key(title, body)
            for title, body in zip(chunk["issue_title"], chunk["body"], strict=True)
        ]
        sides = []
        for key in keys:
            sides.append(
                "repeated" if key in seen else side_of(key, validation=validation, test=test)
            )
            seen.add(key)
        counts.update(sides)
        for side in SIDES:
            rows = chunk[[place == side for place in sides]]
            if len(rows):
                path = shard_path(targets[side], number)
                rows.to_parquet(path, index=False, compression="zstd")
    summary = SplitSummary(
        rows=counts.total(),
        repeated=counts["repeated"],
        train=counts["train"],
        validation=counts["validation"],
        test=counts["test"],
    )
    if not all((summary.train, summary.validation, summary.test)):
        raise DataError(
            f"Every side must hold at least one issue. Received: {summary.train} train, "
            f"{summary.validation} validation and {summary.test} test from {source}. "
            "Try: ingest more rows, or raise split.validation and split.test."
        )
    return summary


def _chunks(source: Path, rows: int) -> Iterator[pd.DataFrame]:
    try:
        with (
            pd.read_csv(
                source,
                usecols=list(COLUMNS),
                dtype=str,
                keep_default_na=False,
                chunksize=rows,
                encoding="utf-8",
            ) as reader,
            tqdm(desc="split", unit=" rows", disable=None) as progress,
        ):
            for chunk in reader:
                yield chunk[list(COLUMNS)]
                progress.update(len(chunk))
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{source} must be a CSV with the columns {', '.join(COLUMNS)}. Received: {reason}. "
            "Try: issuesum ingest FILE, or dvc pull."
        ) from error
