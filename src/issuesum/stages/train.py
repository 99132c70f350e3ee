"""Train the model and keep its best epoch."""

from __future__ import annotations

import os
import sys

from issuesum.files import replacing_directory
from issuesum.params import Params
from issuesum.stages.paths import CURVES, FEATURES, MODELS
from issuesum.stages.runner import run
from issuesum.text import features
from issuesum.text.vocabulary import Vocabulary


def main(params: Params) -> None:
    """Read data/features, write models and the curves in eval/train."""
    # Must be set before TensorFlow is loaded; below 3 it reports a missing GPU as an error.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from issuesum.model.interface import ModelConfig
    from issuesum.model.training import TrainingSettings, train

    body = Vocabulary.load(FEATURES / features.BODY_VOCABULARY)
    title = Vocabulary.load(FEATURES / features.TITLE_VOCABULARY)
    dials = params.train
    config = ModelConfig(
        arch=dials.arch,
        embedding_dim=dials.embedding_dim,
        hidden_units=dials.hidden_units,
        body_size=body.size,
        body_maxlen=body.maxlen,
        title_size=title.size,
        title_maxlen=title.maxlen,
    )
    settings = TrainingSettings(
        batch_size=dials.batch_size,
        epochs=dials.epochs,
        patience=dials.patience,
        learning_rate=dials.learning_rate,
        seed=dials.seed,
    )
    with replacing_directory(MODELS) as models, replacing_directory(CURVES) as curves:
        loss = train(
            config,
            settings,
            features.load_side(FEATURES / "train"),
            features.load_side(FEATURES / "validation"),
            models=models,
            curves=curves,
            verbose=sys.stdout.isatty(),
        )
    print(f"train: best validation loss {loss:.4f}")


if __name__ == "__main__":
    run("train", main)
