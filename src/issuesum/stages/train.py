"""Train the model and keep its best validation."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

from issuesum.files import replacing_directory
from issuesum.layout import CURVES, FEATURES, MODELS, SPEED
from issuesum.stages.params import Params, TrainParams
from issuesum.stages.runner import run
from issuesum.text import features
from issuesum.text.tokens import END, START
from issuesum.text.vocabulary import Vocabulary

CHECKPOINTS = Path(".issuesum/checkpoints")
"""Outlives an interruption: DVC takes outputs away before it runs a stage, and not this."""


def main(params: Params) -> dict[str, int | str]:
    """Read data/features, write models and the curves in eval/train."""
    # Must be set before TensorFlow is loaded; below 3 it reports a missing GPU as an error.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    from issuesum.training.evaluation.overlap import mean_rouge_l
    from issuesum.training.model.batches import Epochs
    from issuesum.training.model.checkpoint import Checkpoint
    from issuesum.training.model.contract import check_architecture
    from issuesum.training.model.curves import Curves
    from issuesum.training.model.distribution import Distribution, read_cluster
    from issuesum.training.model.interface import ModelConfig
    from issuesum.training.model.saving import save_model
    from issuesum.training.model.trainer import Optimisation
    from issuesum.training.model.training import Schedule, Training
    from issuesum.training.model.validation import Validator

    dials = params.train
    cluster = read_cluster(os.environ.get("TF_CONFIG"))
    distribution = Distribution(cluster)
    keras.config.set_dtype_policy(dials.precision)
    title = Vocabulary.load(FEATURES / features.TITLE_VOCABULARY)
    body = Vocabulary.load(FEATURES / features.BODY_VOCABULARY)
    config = _pick(
        ModelConfig,
        dials,
        body_size=body.size,
        body_maxlen=body.maxlen,
        title_size=title.size,
        title_maxlen=title.maxlen,
    )
    check_architecture(config)
    shards = features.Shards(FEATURES / "train")
    validation = features.Shards(FEATURES / "validation")
    checkpoint = Checkpoint(CHECKPOINTS, [dials], [*shards.paths, *validation.paths])
    with (
        replacing_directory(MODELS, keep=cluster.is_chief) as models,
        replacing_directory(CURVES, keep=cluster.is_chief) as folder,
        Curves(folder, SPEED) as curves,
    ):

        def report(record: dict[str, float]) -> None:
            curves.add(record)
            values = ", ".join(f"{name} {value:.4g}" for name, value in record.items())
            print(f"train: {values}", flush=True)  # a job's log shows how far it is

        trained = Training(
            config,
            _pick(Optimisation, dials),
            _pick(Schedule, dials),
            Epochs(shards, dials.batch_size, dials.seed),
            distribution=distribution,
            validator=Validator(
                config,
                validation.head(dials.validation_rows),
                start=title.ids[START],
                end=title.ids[END],
                score=mean_rouge_l,
            ),
            checkpoint=checkpoint,
            report=report,
        ).run()
        if cluster.is_chief:
            curves.best(trained.best)
            save_model(config, trained.weights, models)
    if cluster.is_chief:
        checkpoint.discard()
        print(f"train: {trained.describe()}")
    return {"rows": len(shards), "device": ", ".join(keras.distribution.list_devices())}


def _pick[T](kind: type[T], dials: TrainParams, **others: int) -> T:
    """Make a dataclass of `others` and of the params that bear the names of its other fields."""
    names = [field.name for field in fields(kind) if field.name not in others]  # type: ignore[arg-type]
    return kind(**{name: getattr(dials, name) for name in names}, **others)


if __name__ == "__main__":
    run("train", main)
