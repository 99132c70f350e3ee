"""The training, validation and test split as Parquet shards, and their summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from issuesum.errors import ArtifactError, reading_artifact
from issuesum.files import write_json

if TYPE_CHECKING:
    import pandas as pd


_SCHEMA = pa.schema(
    pa.field(name, pa.int64() if name == "row" else pa.string(), nullable=False)
    for name in ("row", "issue_url", "issue_title", "body")
)
_HELD = 2**24
"""Characters that a writer holds before it starts another row group: 2,000 real rows have about 1.6
million, so that shards have one, but 2,000 of the longest rows that are accepted have 6 billion."""


def shard_paths(folder: Path) -> list[Path]:
    """Return the shards of one split in order; raises ArtifactError if there is none."""
    paths = sorted(folder.glob("part-*.parquet"))
    if not paths:
        raise ArtifactError(
            f"{folder} must hold shards part-*.parquet. Received: none. Try: dvc repro split."
        )
    return paths


def read_shards(folder: Path) -> Iterator[pd.DataFrame]:
    """Yield the shards of one split in order; ArtifactError: there is none, or one is broken."""
    import pandas as pd

    for path in shard_paths(folder):
        with _parquet(path):
            rows = pd.read_parquet(path)
        yield rows


def count_rows(path: Path) -> int:
    """Return how many rows a shard has, from its footer alone."""
    with _parquet(path):
        return int(pq.read_metadata(path).num_rows)


def _parquet(path: Path) -> AbstractContextManager[None]:
    return reading_artifact(f"{path} must be a Parquet shard", "dvc repro -f split")


def read_head(folder: Path, rows: int) -> pd.DataFrame:
    """Return the first `rows` rows of one split, reading no more shards than that takes."""
    import pandas as pd

    kept: list[pd.DataFrame] = []
    for shard in read_shards(folder):
        kept.append(shard)
        if sum(map(len, kept)) >= rows:
            break
    return pd.concat(kept, ignore_index=True).head(rows)


class ShardWriter:
    """Writes one split: shard N holds those of its rows that are the Nth `shard_rows` of the file.

    So the bytes of a shard depend on these rows alone, and later rows touch only the last shard.
    A shard without a row has no file.
    """

    def __init__(self, folder: Path, shard_rows: int) -> None:
        """Write to `folder`, which exists and is empty."""
        self._folder, self._shard_rows = folder, shard_rows
        self._number = self._characters = 0
        self._rows: list[tuple[int, str, str, str]] = []
        self._file: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        """Give the writer itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the last shard; after an error, only close its file."""
        if error[0]:
            self._rows.clear()
        self._write_held(ends=True)

    def write(self, row: int, issue: tuple[str, str, str]) -> None:
        """Add an issue (URL, title, body): the data row `row`, counted from 1, in rising order."""
        number = (row - 1) // self._shard_rows
        if number != self._number:
            self._write_held(ends=True)
            self._number = number
        self._rows.append((row, *issue))
        self._characters += sum(map(len, issue))
        if self._characters > _HELD:
            self._write_held()

    def _write_held(self, *, ends: bool = False) -> None:
        if self._rows:
            if self._file is None:
                path = self._folder / f"part-{self._number:05d}.parquet"
                # Texts hardly repeat: without dictionaries a shard is smaller, and written sooner.
                self._file = pq.ParquetWriter(
                    path, _SCHEMA, compression="zstd", use_dictionary=False
                )
            columns = dict(zip(_SCHEMA.names, zip(*self._rows, strict=True), strict=True))
            self._file.write_table(pa.table(columns, schema=_SCHEMA))
            self._rows.clear()
            self._characters = 0
        if ends and self._file:
            self._file.close()
            self._file = None


@dataclass(frozen=True)
class SplitSummary:
    """What became of the rows: `rows` is the sum of the others."""

    rows: int  # data rows of the file
    rejected: Mapping[str, int]  # rows that cannot be used, by reason, the most frequent first
    repeated: int  # usable rows whose title and body an earlier row has as well
    train: int  # rows of the training split, and so on
    validation: int
    test: int

    def save(self, path: Path) -> None:
        """Write the summary as JSON, which DVC reads as metrics."""
        write_json(path, vars(self))

    @classmethod
    def load(cls, path: Path) -> SplitSummary:
        """Read a summary that `save` wrote; raise an ArtifactError if that is impossible."""
        with reading_artifact(f"{path} must be the split stage's summary", "dvc repro -f split"):
            return TypeAdapter(cls).validate_json(path.read_bytes())
