"""Train the model and keep its best validation."""

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

from issuesum.errors import ArtifactError
from issuesum.files import replacing_directory
from issuesum.layout import CURVES, FEATURES, MODELS, SPEED, TRAINED_ELSEWHERE
from issuesum.stages.params import Params
from issuesum.text import features
from issuesum.text.tokens import END, START
from issuesum.text.vocabulary import Vocabulary

CHECKPOINTS = Path(".issuesum/checkpoints")  # DVC removes outputs before it runs a stage, not this


def main(params: Params) -> dict[str, int | str]:
    """Read data/features, write models and the curves in eval/train."""
    if os.environ.get(TRAINED_ELSEWHERE):
        raise ArtifactError(
            "The DVC remote must hold what the job trained. Received: nothing in the run-cache. "
            "Try: the job's log; if `dvc push` failed there, delete the job, and submit again."
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before its import; 2 reports a missing GPU
    from issuesum.training.model import keras
    from issuesum.training.model.checkpoint import VARIABLE, Checkpoint
    from issuesum.training.model.contract import check_architecture
    from issuesum.training.model.distribution import Distribution, read_cluster
    from issuesum.training.model.interface import ModelConfig, save_model
    from issuesum.training.model.trainer import Settings, Validator
    from issuesum.training.model.training import Curves, Training

    settings = params.train
    cluster = read_cluster(os.environ.get("TF_CONFIG"))
    distribution = Distribution(cluster)
    keras.config.set_dtype_policy(settings.precision)
    body = Vocabulary.load(FEATURES / features.BODY_VOCABULARY)
    title = Vocabulary.load(FEATURES / features.TITLE_VOCABULARY)
    values = settings.model_dump() | {"body_size": body.size, "body_maxlen": body.maxlen}
    values |= {"title_size": title.size, "title_maxlen": title.maxlen}
    config = _pick(ModelConfig, values)
    check_architecture(config)
    shards, validation = (features.Shards(FEATURES / side) for side in ("train", "validation"))
    rows, start, end = validation.head(settings.validation_rows), title.ids[START], title.ids[END]
    checkpoint = Checkpoint(
        CHECKPOINTS, [settings], [*shards.paths, *validation.paths], url=os.environ.get(VARIABLE)
    )
    with (
        replacing_directory(MODELS, keep=cluster.is_chief) as models,
        replacing_directory(CURVES, keep=cluster.is_chief) as folder,
        Curves(folder, SPEED) as curves,
    ):

        def report(record: dict[str, float]) -> None:
            curves.add(record)
            values = ", ".join(f"{name} {value:.4g}" for name, value in record.items())
            print(f"train: {values}", flush=True)  # a job's log shows how far it is

        validator = Validator(config, rows, start=start, end=end)
        trained = Training(
            config, _pick(Settings, values), shards,
            distribution=distribution, validator=validator, checkpoint=checkpoint, report=report,
        ).run()  # fmt: skip
        if cluster.is_chief:
            curves.best(trained.best)
            save_model(config, trained.weights, models)
    if cluster.is_chief:
        checkpoint.discard()
        print(f"train: {trained.describe()}")
    return {"rows": len(shards), "device": ", ".join(keras.distribution.list_devices())}


def _pick[T](kind: type[T], values: dict[str, Any]) -> T:
    return kind(**{field.name: values[field.name] for field in fields(kind)})  # type: ignore[arg-type]
