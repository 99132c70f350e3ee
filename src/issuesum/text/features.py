"""Id arrays in shards: what preprocess writes and train and build read."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from issuesum.errors import ArtifactError
from issuesum.text.vocabulary import Ids

BODY_VOCABULARY = "body_vocabulary.json"
TITLE_VOCABULARY = "title_vocabulary.json"


@dataclass(frozen=True)
class Features:
    """Encoded rows of one side.

    Attributes:
        body: int32 (rows, body maxlen), ids of the body vocabulary.
        title: int32 (rows, title maxlen), ids of the title vocabulary.
        body_extended: int32 (rows, body maxlen), ids of the title vocabulary, extended by the row's
            own unknown words (see `copying.extend`): what a decoder can copy.
        title_extended: int32 (rows, title maxlen), the same of the title: what it should write.
    """

    body: Ids
    title: Ids
    body_extended: Ids
    title_extended: Ids

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.body)

    def head(self, rows: int) -> Features:
        """Return the first `rows` rows, or all if there are fewer."""
        return Features(**{name: ids[:rows] for name, ids in vars(self).items()})


def save_shard(path: Path, features: Features) -> None:
    """Write one shard; numpy's zip holds no dates, so equal rows give equal bytes."""
    np.savez(path, **vars(features))


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
    names = [field.name for field in fields(Features)]
    return Features(
        **{name: np.concatenate([getattr(shard, name) for shard in shards]) for name in names}
    )


def _load_shard(path: Path) -> Features:
    try:
        # numpy leaves a file that it opened itself open if it is not a whole zip.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return Features(**arrays)
    except (OSError, ValueError, TypeError, EOFError, BadZipFile) as error:
        raise ArtifactError(
            f"{path} must be a shard of ids. Received: {error}. Try: dvc repro -f preprocess."
        ) from error
