"""A trained model as two files: what it is, and its weights."""

from __future__ import annotations

from pathlib import Path

import keras

from issuesum.errors import ArtifactError, one_line
from issuesum.training.model.distribution import Arrays
from issuesum.training.model.interface import ModelConfig, TitleModel, create_model

WEIGHTS = "model.weights.h5"
CONFIG = "config.json"


def save_model(config: ModelConfig, weights: Arrays, models: Path) -> None:
    """Write the model into an existing folder; equal arguments give equal bytes.

    Args:
        config: shape of the model.
        weights: in the order of `TitleModel.weights`.
        models: the folder.
    """
    # A fresh one: a model that was trained would write its optimizer's slots too, twice its size.
    keras.utils.clear_session()  # or the file would hold names of layers counted since the start
    model = create_model(config)
    model.set_weights(weights)
    model.save_weights(models / WEIGHTS)
    config.save(models / CONFIG)


def load_model(models: Path) -> TitleModel:
    """Load what `save_model` wrote.

    Raises:
        ArtifactError: config.json or the weights are missing, broken or do not fit together.
    """
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
