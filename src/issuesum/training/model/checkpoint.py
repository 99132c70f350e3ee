"""Where an interrupted training goes on.

One .npz in a folder that neither Git nor DVC touches, so that it outlives both `kill -9` and the
removal of outputs with which DVC begins a stage. Its name holds a hash of all that decides the
result: a training with other data, params, code or TensorFlow begins anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import tensorflow as tf

from issuesum.files import replacing_file
from issuesum.training.model.distribution import Arrays


@dataclass
class Progress:
    """How far training has come.

    Attributes:
        step: global batches learnt.
        period_loss: sum of the losses since the last validation.
        records: one for each validation, see `training.train`.
        waited: validations since the best one.
    """

    step: int = 0
    period_loss: float = 0.0
    records: list[dict[str, float]] = field(default_factory=list)
    waited: int = 0


class Checkpoint:
    """The file of one training."""

    def __init__(self, folder: Path, values: Iterable[Any], files: Iterable[Path]) -> None:
        """Name the file.

        Args:
            folder: made if it does not exist.
            values: that decide the result, by their representation.
            files: that decide the result, by their content; this package is always among them.
        """
        code = sorted(Path(__file__).parent.rglob("*.py"))
        self._path = folder / f"{_fingerprint([tf.__version__, *values], [*code, *files])}.npz"

    def save(self, progress: Progress, arrays: dict[str, Arrays]) -> None:
        """Write the file, whole or not at all."""
        named = {
            f"{group}/{place}": array
            for group, values in arrays.items()
            for place, array in enumerate(values)
        }
        with replacing_file(self._path) as path:
            np.savez(path, progress=np.array(json.dumps(asdict(progress))), **named)

    def load(self) -> tuple[Progress, dict[str, Arrays]] | None:
        """Return what was saved last, or None if there is nothing or it is broken."""
        try:
            with self._path.open("rb") as file, np.load(file, allow_pickle=False) as content:
                progress = Progress(**json.loads(str(content["progress"])))
                arrays: dict[str, Arrays] = {}
                for name in content.files:
                    if "/" in name:
                        arrays.setdefault(name.split("/")[0], []).append(content[name])
                return progress, arrays
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
            return None

    def discard(self) -> None:
        """Remove the file: the training has ended, and its results are in place."""
        self._path.unlink(missing_ok=True)


def _fingerprint(values: Iterable[Any], files: Iterable[Path]) -> str:
    """Return a hash, 32 hexadecimal digits, of values' representations and files' contents."""
    digest = hashlib.sha256()
    for value in values:
        digest.update(f"{value!r}\0".encode())
    for path in files:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.name}\0{content}\0".encode())
    return digest.hexdigest()[:32]
