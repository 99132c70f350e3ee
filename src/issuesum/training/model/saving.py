"""What outlives a training: the model as two files, and the checkpoint of one that was interrupted.

A checkpoint is one .npz in a folder that neither Git nor DVC touches, so that it outlives both
`kill -9` and the removal of outputs with which DVC begins a stage. Its name holds a hash of all
that decides the result: a training with other data, params, code or TensorFlow starts again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np
import tensorflow as tf

from issuesum.errors import ArtifactError, one_line
from issuesum.files import replacing_file
from issuesum.training.model.distribution import Arrays
from issuesum.training.model.interface import ModelConfig, TitleModel, create_model

WEIGHTS = "model.weights.h5"
CONFIG = "config.json"


def save_model(config: ModelConfig, weights: Arrays, models: Path) -> None:
    """Write the model, weights as `TitleModel.weights` has them; equal arguments, equal bytes."""
    # A fresh one: a model that was trained would write its optimizer's slots too, twice its size.
    keras.utils.clear_session()  # or the file would hold names of layers counted since the start
    model = create_model(config)
    model.set_weights(weights)
    model.save_weights(models / WEIGHTS)
    config.save(models / CONFIG)


def load_model(models: Path) -> TitleModel:
    """Load what `save_model` wrote; ArtifactError if it is missing, broken or does not fit."""
    model = create_model(ModelConfig.load(models / CONFIG))
    path = models / WEIGHTS
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        raise ArtifactError(
            f"{path} must hold the weights of the model in {CONFIG}. "
            f"Received: {one_line(error)[:300]}. Try: dvc repro -f train."
        ) from error
    return model


@dataclass
class Progress:
    """How far training has come."""

    step: int = 0
    """Global batches learnt."""
    period_loss: float = 0.0
    """Sum of the losses since the last validation."""
    records: list[dict[str, float]] = field(default_factory=list)
    """One for each validation, see `Training.run`."""
    waited: int = 0
    """Validations since the best one."""


class Checkpoint:
    """The file of one training."""

    def __init__(self, folder: Path, values: Iterable[Any], files: Iterable[Path]) -> None:
        """Name the file, in a folder that need not exist, by what decides the result.

        That is the representation of `values` and the content of `files` and of this package.
        """
        code = sorted(Path(__file__).parent.rglob("*.py"))
        digest = hashlib.sha256()
        for value in (tf.__version__, *values):
            digest.update(f"{value!r}\0".encode())
        for path in (*code, *files):
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{path.name}\0{content}\0".encode())
        self._path = folder / f"{digest.hexdigest()[:32]}.npz"

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
