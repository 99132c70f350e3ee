"""The training loop: teacher forcing, the best epoch is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from dvclive.keras import DVCLiveCallback
from dvclive.live import Live

from issuesum.errors import ArtifactError
from issuesum.model.interface import ModelConfig, TitleModel, create_model
from issuesum.text.features import Features
from issuesum.text.vocabulary import PADDING

WEIGHTS = "model.weights.h5"
CONFIG = "config.json"


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how fast; see params.yaml for the meaning of each."""

    batch_size: int
    epochs: int
    patience: int
    learning_rate: float
    seed: int


def train(
    config: ModelConfig,
    settings: TrainingSettings,
    training: Features,
    validation: Features,
    *,
    models: Path,
    curves: Path,
    verbose: bool,
) -> float:
    """Train a model and write `models/{config.json,model.weights.h5}` of its best epoch.

    On a CPU, equal arguments give equal bytes.

    Args:
        config: shape of the model.
        settings: the loop's dials.
        training: rows that are learnt from.
        validation: rows that decide which epoch is best.
        models: existing folder for the model.
        curves: folder for DVCLive's curves: loss and accuracy, one value an epoch.
        verbose: draw a progress bar.

    Returns:
        The lowest validation loss (nats a word).

    Raises:
        ArtifactError: the loss is not finite.
    """
    keras.utils.clear_session()  # or the weights would hold layer names counted since the start
    keras.utils.set_random_seed(settings.seed)
    model = create_model(config)
    model.compile(
        optimizer=keras.optimizers.Nadam(settings.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=PADDING),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    # patience counts the epochs that may fail to improve, so 0 stops at the first of them.
    stop = keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=settings.patience, restore_best_weights=True
    )
    # dvc.yaml is ours to write, and a stage must not commit experiments behind DVC's back.
    with Live(str(curves), dvcyaml=False, save_dvc_exp=False, monitor_system=False) as live:
        history = model.fit(
            _batches(training, settings, shuffle=True),
            validation_data=_batches(validation, settings, shuffle=False),
            epochs=settings.epochs,
            callbacks=[stop, DVCLiveCallback(live=live)],
            shuffle=False,  # the dataset shuffles itself, with our seed
            verbose=1 if verbose else 2,
        )
    best = float(min(history.history["val_loss"]))
    if not math.isfinite(best):
        raise ArtifactError(
            f"Training must end with a finite validation loss. Received: {best}. "
            "Try: a lower train.learning_rate."
        )
    # A compiled model writes its optimizer's slots too: three times the bytes of a fresh one.
    kept = create_model(config)
    kept.set_weights(model.get_weights())
    kept.save_weights(models / WEIGHTS)
    config.save(models / CONFIG)
    return best


def load_model(models: Path) -> TitleModel:
    """Load what `train` wrote.

    Raises:
        ArtifactError: config.json or the weights are missing, broken or do not fit together.
    """
    model = create_model(ModelConfig.load(models / CONFIG))
    path = models / WEIGHTS
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ArtifactError(
            f"{path} must hold the weights of the model in {CONFIG}. Received: {reason}. "
            "Try: dvc repro -f train."
        ) from error
    return model


def _batches(rows: Features, settings: TrainingSettings, *, shuffle: bool) -> tf.data.Dataset:
    """Yield ((body, title without its last id), title without its first id, weights)."""
    target = rows.title[:, 1:]
    weights = (target != PADDING).astype(np.float32)
    dataset = tf.data.Dataset.from_tensor_slices(((rows.body, rows.title[:, :-1]), target, weights))
    if shuffle:
        dataset = dataset.shuffle(len(rows), seed=settings.seed)
    return dataset.batch(settings.batch_size).prefetch(tf.data.AUTOTUNE)
