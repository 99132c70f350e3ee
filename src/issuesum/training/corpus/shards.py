"""The training, validation and test split as Parquet shards, and their summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from issuesum.errors import ArtifactError, one_line
from issuesum.files import write_json

if TYPE_CHECKING:
    import pandas as pd

Side = Literal["train", "validation", "test"]
SIDES: tuple[Side, ...] = ("train", "validation", "test")

_SCHEMA = pa.schema(
    pa.field(name, pa.int64() if name == "row" else pa.string(), nullable=False)
    for name in ("row", "issue_url", "issue_title", "body")
)
_HELD = 2**24
"""Characters that a writer holds before it starts another row group: 2,000 real rows have about 1.6
million, so that shards have one, but 2,000 of the longest rows that are accepted have 6 billion."""


def shard_paths(folder: Path) -> list[Path]:
    """Return the shards of one split in order.

    Raises:
        ArtifactError: there is none.
    """
    paths = sorted(folder.glob("part-*.parquet"))
    if not paths:
        raise ArtifactError(
            f"{folder} must hold shards part-*.parquet. Received: none. Try: dvc repro split."
        )
    return paths


def read_shards(folder: Path) -> Iterator[pd.DataFrame]:
    """Yield the shards of one split in order; columns as in `_SCHEMA`, texts as strings.

    Raises:
        ArtifactError: there is no shard, or one is broken.
    """
    import pandas as pd

    for path in shard_paths(folder):
        try:
            yield pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise _broken(path, error) from error


def count_rows(path: Path) -> int:
    """Return the rows of a shard, from its footer alone.

    Raises:
        ArtifactError: it is broken.
    """
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, ValueError) as error:
        raise _broken(path, error) from error


def _broken(path: Path, error: Exception) -> ArtifactError:
    return ArtifactError(
        f"{path} must be a Parquet shard. Received: {one_line(error)}. Try: dvc repro -f split."
    )


def read_head(folder: Path, rows: int) -> pd.DataFrame:
    """Return the first `rows` rows of one split, reading no more shards than that takes."""
    import pandas as pd

    kept: list[pd.DataFrame] = []
    missing = rows
    for shard in read_shards(folder):
        kept.append(shard.head(missing))
        missing -= len(kept[-1])
        if not missing:
            break
    return pd.concat(kept, ignore_index=True)


class ShardWriter:
    """Writes one split: shard N holds those of its rows that are the Nth `shard_rows` of the file.

    So the bytes of a shard depend on these rows alone, and later rows touch only the last shard.
    A shard without a row has no file.
    """

    def __init__(self, folder: Path, shard_rows: int) -> None:
        """Write to `folder`, which exists and is empty.

        Args:
            folder: of the split.
            shard_rows: rows of the file, in this split or not, that a shard is cut from.
        """
        self._folder = folder
        self._shard_rows = shard_rows
        self._number = 0
        self._rows: list[tuple[int, str, str, str]] = []
        self._characters = 0
        self._file: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        """Give the writer itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the last shard; after an error, only close its file."""
        if error[0] is None:
            self._end_shard()
        elif self._file:
            self._file.close()

    def write(self, row: int, issue: tuple[str, str, str]) -> None:
        """Add an issue.

        Args:
            row: number of its data row, counted from 1; greater than that of the call before.
            issue: URL, title and body of any length.

        Raises:
            OSError: the disk is full, for example.
        """
        number = (row - 1) // self._shard_rows
        if number != self._number:
            self._end_shard()
            self._number = number
        self._rows.append((row, *issue))
        self._characters += sum(map(len, issue))
        if self._characters > _HELD:
            self._write_held()

    def _write_held(self) -> None:
        if self._file is None:
            path = self._folder / f"part-{self._number:05d}.parquet"
            # Texts hardly repeat: without dictionaries a shard is smaller and written sooner.
            self._file = pq.ParquetWriter(path, _SCHEMA, compression="zstd", use_dictionary=False)
        columns = dict(zip(_SCHEMA.names, zip(*self._rows, strict=True), strict=True))
        self._file.write_table(pa.table(columns, schema=_SCHEMA))
        self._rows.clear()
        self._characters = 0

    def _end_shard(self) -> None:
        if self._rows:
            self._write_held()
        if self._file:
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
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> SplitSummary:
        """Read a summary that `save` wrote.

        Raises:
            ArtifactError: the file is missing or is no summary.
        """
        try:
            return TypeAdapter(cls).validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            raise ArtifactError(
                f"{path} must be the split stage's summary. Received: {one_line(error)}. "
                "Try: dvc repro -f split."
            ) from error
