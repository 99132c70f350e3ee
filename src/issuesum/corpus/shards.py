"""The sides of a split as Parquet shards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pandas as pd

from issuesum.errors import ArtifactError

Side = Literal["train", "validation", "test"]
SIDES: tuple[Side, ...] = ("train", "validation", "test")


def shard_path(folder: Path, number: int) -> Path:
    """Return where shard `number` of a side lies."""
    return folder / f"part-{number:05d}.parquet"


def read_shards(folder: Path) -> Iterator[pd.DataFrame]:
    """Yield the shards of one side in order; columns `issue.COLUMNS`, all strings.

    Raises:
        ArtifactError: there is no shard, or one is broken.
    """
    paths = sorted(folder.glob("part-*.parquet"))
    if not paths:
        raise ArtifactError(
            f"{folder} must hold shards part-*.parquet. Received: none. Try: dvc repro split."
        )
    for path in paths:
        try:
            yield pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise ArtifactError(
                f"{path} must be a Parquet shard. Received: {error}. Try: dvc repro -f split."
            ) from error


def read_head(folder: Path, rows: int) -> pd.DataFrame:
    """Return the first `rows` rows of one side, reading no more shards than that takes."""
    kept: list[pd.DataFrame] = []
    missing = rows
    for shard in read_shards(folder):
        kept.append(shard.head(missing))
        missing -= len(kept[-1])
        if not missing:
            break
    return pd.concat(kept, ignore_index=True)
