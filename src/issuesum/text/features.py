"""Id arrays in shards: what preprocess writes and train and build read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from issuesum.errors import ArtifactError
from issuesum.text.vocabulary import Ids, Vocabulary

BODY_VOCABULARY = "body_vocabulary.json"
TITLE_VOCABULARY = "title_vocabulary.json"


@dataclass(frozen=True)
class Features:
    """Encoded rows of one side.

    Attributes:
        body: int32 (rows, body maxlen).
        title: int32 (rows, title maxlen).
    """

    body: Ids
    title: Ids

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.body)

    def head(self, rows: int) -> Features:
        """Return the first `rows` rows, or all if there are fewer."""
        return Features(body=self.body[:rows], title=self.title[:rows])


def encode_shard(
    bodies: Iterable[str], titles: Iterable[str], body: Vocabulary, title: Vocabulary
) -> Features:
    """Encode the raw texts of one shard."""
    return Features(body=body.encode(bodies), title=title.encode(titles))


def save_shard(path: Path, features: Features) -> None:
    """Write one shard; numpy's zip holds no dates, so equal rows give equal bytes."""
    np.savez(path, body=features.body, title=features.title)


def load_side(folder: Path) -> Features:
    """Read all shards of one side, in order.

    Raises:
        ArtifactError: there is no shard, or one is broken.
    """
    paths = sorted(folder.glob("part-*.npz"))
    if not paths:
        raise ArtifactError(
            f"{folder} must hold shards part-*.npz. Received: none. Try: dvc repro preprocess."
        )
    shards = [_load_shard(path) for path in paths]
    return Features(
        body=np.concatenate([shard.body for shard in shards]),
        title=np.concatenate([shard.title for shard in shards]),
    )


def _load_shard(path: Path) -> Features:
    try:
        # numpy leaves a file that it opened itself open if it is not a whole zip.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return Features(body=arrays["body"], title=arrays["title"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ArtifactError(
            f"{path} must be a shard of ids. Received: {error}. Try: dvc repro -f preprocess."
        ) from error
