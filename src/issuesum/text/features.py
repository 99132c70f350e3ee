"""Id arrays in shards: what preprocess writes and train and build read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from issuesum.errors import ArtifactError, reading_artifact
from issuesum.text.vocabulary import Ids

BODY_VOCABULARY = "body_vocabulary.json"
TITLE_VOCABULARY = "title_vocabulary.json"


@dataclass(frozen=True)
class Features:
    """Encoded rows of one split."""

    body: Ids  # (rows, body maxlen), ids of the body vocabulary
    title: Ids  # (rows, title maxlen), ids of the title vocabulary
    body_extended: Ids
    """(rows, body maxlen), ids of the title vocabulary, extended by the row's own unknown words
    (see `features.encoding`): what a decoder can copy."""
    title_extended: Ids  # (rows, title maxlen), the same of the title: what it should write

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.body)

    def take(self, rows: slice | Ids) -> Features:
        """Return some rows, chosen as in an array."""
        return Features(**{name: ids[rows] for name, ids in vars(self).items()})


def save_shard(path: Path, features: Features) -> None:
    """Write one shard; numpy's zip holds no dates, so equal rows give equal bytes."""
    np.savez(path, **vars(features))


class Shards:
    """The shards of one split in order; they are read when asked for, not held."""

    def __init__(self, folder: Path) -> None:
        """Count the rows of each shard, from its header; ArtifactError: none, or one is broken."""
        self.paths = sorted(folder.glob("part-*.npz"))
        if not self.paths:
            raise ArtifactError(
                f"{folder} must hold shards part-*.npz. Received: none. Try: dvc repro preprocess."
            )
        self.rows = [_count_rows(path) for path in self.paths]

    def __len__(self) -> int:
        """Return the number of rows."""
        return sum(self.rows)

    def read(self, numbers: Iterable[int]) -> Features:
        """Return the rows of the shards with these numbers; ArtifactError if one is broken."""
        return concatenate([_load_shard(self.paths[number]) for number in numbers])

    def head(self, rows: int) -> Features:
        """Return the first `rows` rows, or all if there are fewer, reading no other shards."""
        earlier = accumulate(self.rows[:-1], initial=0)
        needed = sum(1 for count in earlier if count < rows)
        return self.read(range(max(1, needed))).take(slice(rows))


def concatenate(parts: Sequence[Features]) -> Features:
    """Return the rows of all parts, of which there is at least one."""
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return Features(*map(np.concatenate, columns))


def _count_rows(path: Path) -> int:
    with _reading(path), ZipFile(path) as file, file.open("body.npy") as array:
        np.lib.format.read_magic(array)  # type: ignore[no-untyped-call]
        (rows, _), _, _ = np.lib.format.read_array_header_1_0(array)  # type: ignore[no-untyped-call]
        return int(rows)


def _load_shard(path: Path) -> Features:
    # numpy leaves a file that it opened itself open if it is not a whole zip.
    with _reading(path), path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return Features(**arrays)


def _reading(path: Path) -> AbstractContextManager[None]:
    return reading_artifact(f"{path} must be a shard of ids", "dvc repro -f preprocess")
