"""The loop: what is kept, what is the same, and what an interruption changes (nothing).

Where any architecture will do, it is the one that TensorFlow traces fastest: that equal trainings
of the default one give equal bytes is held by the tests of whole pipelines.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from dvc.repo import Repo

import tiny_models
from issuesum.errors import ArtifactError, ParamsError
from issuesum.text.features import Shards

pytestmark = pytest.mark.slow  # TensorFlow takes ten seconds to load


@pytest.fixture(scope="module", autouse=True)
def _unoptimised():
    """Run graphs as they are traced: to optimise one takes longer than to run it 15 times."""
    import tensorflow as tf
    from tensorflow.python.eager.context import context

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    # Not set to False, by which graphs that are saved later would differ.
    del context()._optimizer_experimental_options["disable_meta_optimizer"]
    tf.config.optimizer.set_experimental_options({})  # what was derived from it is derived again


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    folder = tmp_path_factory.mktemp("learnt") / "train"
    return tiny_models.shards(folder, tiny_models.rows(40), tiny_models.rows(30, seed=2))


@pytest.fixture(scope="module")
def judged():
    return tiny_models.rows(16, seed=3)


@pytest.fixture(scope="module")
def simple(tmp_path_factory: pytest.TempPathFactory):
    """Return the shape of the example of docs/model.md, which TensorFlow traces fastest."""
    with pytest.MonkeyPatch.context() as patch:
        yield tiny_models.simple(tmp_path_factory.mktemp("simple"), patch)


@pytest.fixture(scope="module")
def begin(learnt: Shards, judged, simple):
    """Make a training of that shape in a folder, with the records that it will report."""
    from issuesum.training.model.trainer import Validator

    shared = Validator(simple, judged, start=tiny_models.START, end=tiny_models.END)

    def begin(folder: Path, **changes):
        records: list[dict[str, float]] = []
        return records, tiny_models.training(
            folder, learnt, judged,
            model=simple, validator=shared, report=records.append, **changes,
        )  # fmt: skip

    return begin


@pytest.fixture(scope="module")
def train(begin):
    """The same: 15 steps; a checkpoint after every second, a validation after every third."""
    return partial(begin, eval_steps=3)


@dataclass(frozen=True)
class Whole:
    """What a training leaves that nothing interrupted."""

    folder: Path
    records: list[dict[str, float]]
    weights: list[np.ndarray]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, train) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    records, training = train(folder)
    return Whole(folder, records, training.run().weights)


def _equal(one, other) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_model_learns_to_copy(tmp_path: Path, judged) -> None:
    # Every title repeats words of its body, one of them a word that no vocabulary holds.
    learnt = tiny_models.shards(tmp_path / "train", tiny_models.rows(400, seed=9))
    trained = tiny_models.training(
        tmp_path,
        learnt,
        judged,
        model=tiny_models.config(dropout=0.0, word_dropout=0.0, hidden_units=32),
        epochs=12,
        checkpoint_steps=1000,
    ).run()
    assert trained.best["eval/rouge_l"] > 80


@pytest.mark.parametrize(("monitor", "sign"), [("loss", 1), ("rouge_l", -1)])
def test_the_best_validation_is_kept_not_the_last(
    monitor: str, sign: int, tmp_path: Path, learnt: Shards, simple
) -> None:
    # What is learnt of these titles is wrong of those, so the loss on the latter soon rises.
    wrong = tiny_models.rows(16, seed=3)
    wrong.title_extended[:, 1:4] = np.random.default_rng(2).integers(4, 30, (16, 3))
    records: list[dict[str, float]] = []
    training = tiny_models.training(
        tmp_path,
        learnt,
        wrong,
        model=simple,
        learning_rate=0.05,
        epochs=10,
        patience=20,
        monitor=monitor,
        report=records.append,
    )
    trained = training.run()
    assert len(records) == 10
    values = [sign * record[f"eval/{monitor}"] for record in records]
    assert sign * trained.best[f"eval/{monitor}"] == min(values)
    if monitor == "loss":
        assert values[-1] > min(values), (
            "the last must not be the best for this test to mean anything"
        )

    loss, rouge_l = training._validator.judge(trained.weights)
    assert loss == pytest.approx(trained.best["eval/loss"], rel=1e-5)
    assert rouge_l == pytest.approx(trained.best["eval/rouge_l"])


def test_training_stops_when_patience_is_over(tmp_path: Path, begin) -> None:
    records, training = begin(
        tmp_path, learning_rate=1e-12, epochs=50, patience=1, monitor="rouge_l"
    )
    training.run()
    assert len(records) == 3, "a first one, one that is no better, and one more"


def test_validations_and_steps_are_bounded(tmp_path: Path, begin) -> None:
    records, training = begin(tmp_path, epochs=9, max_steps=11, eval_steps=3)
    training.run()
    # 70 rows in batches of 16 are 5 steps an epoch.
    assert [record["train/epoch"] for record in records] == [0.6, 1.2, 1.8, 2.2]
    assert {round(record["train/loss"]) for record in records} <= {2, 3, 4}


class _Killed(BaseException):
    """Ends a training at once, like a signal."""


def test_a_training_that_was_killed_ends_as_if_it_had_not_been(
    tmp_path: Path, train, whole: Whole
) -> None:
    resumed = []
    for steps in (1, 5, 7):  # before the first checkpoint, between two, behind an epoch
        _, training = train(tmp_path)
        _kill_after(training, steps)
        with pytest.raises(_Killed):
            training.run()
        resumed.append(training._progress.step - steps)
    assert resumed == [0, 0, 4]
    records, training = train(tmp_path)
    trained = training.run()
    assert trained.resumed == 10
    assert _equal(trained.weights, whole.weights)
    of_this_run = {"train/examples_per_second": 0.0}
    for one, other in zip(records, whole.records, strict=True):
        assert one | of_this_run == other | of_this_run


def _kill_after(training, steps: int) -> None:
    step, left = training._trainer.step, iter(range(steps))

    def counted(batch):
        if next(left, None) is None:
            raise _Killed
        return step(batch)

    training._trainer.step = counted


def test_a_broken_checkpoint_or_one_of_another_training_is_left_alone(
    tmp_path: Path, train, whole: Whole
) -> None:
    """From the start again: equal seeds give equal weights, and other seeds others."""
    shutil.copytree(whole.folder, tmp_path, dirs_exist_ok=True)
    (path,) = (tmp_path / "checkpoints").iterdir()
    path.write_bytes(path.read_bytes()[:1000])
    again = train(tmp_path)[1].run()
    assert again.resumed == 0
    assert _equal(again.weights, whole.weights)
    other = train(tmp_path, seed=8)[1].run()
    assert other.resumed == 0
    assert not _equal(other.weights, whole.weights)
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2


def test_a_validation_that_sigterm_ended_is_made_when_training_resumes(
    tmp_path: Path, train, whole: Whole
) -> None:
    _, training = train(tmp_path)
    averaged = training._trainer.averaged

    def interrupted():
        os.kill(os.getpid(), signal.SIGTERM)
        return averaged()

    training._trainer.averaged = interrupted
    earlier = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with pytest.raises(SystemExit):
            training.run()
    finally:
        signal.signal(signal.SIGTERM, earlier)
    records, training = train(tmp_path)
    trained = training.run()
    assert trained.resumed == 3
    assert _equal(trained.weights, whole.weights)
    for name in ("eval/loss", "train/loss"):
        assert [r[name] for r in records] == [r[name] for r in whole.records]


def test_without_s3_a_training_notes_it_once(
    tmp_path: Path, begin, capsys: pytest.CaptureFixture[str]
) -> None:
    away = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "none")
    away["AWS_ENDPOINT_URL_S3"] = "http://127.0.0.1:9"
    # In a folder without the settings of this clone's remote.
    with contextlib.chdir(tmp_path), mock.patch.dict(os.environ, away):
        _, training = begin(tmp_path, url="s3://none/x")
        assert len(training.run().weights) > 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: train: no checkpoint in s3://none/x/")
    assert "Could not connect" in line


def test_what_is_no_folder_of_s3_is_refused(tmp_path: Path, begin) -> None:
    with pytest.raises(ParamsError, match=r"ISSUESUM_CHECKPOINTS must be .* Received: bucket/x\."):
        begin(tmp_path, url="bucket/x")


def test_training_that_diverges_is_refused(tmp_path: Path, begin) -> None:
    _, training = begin(tmp_path, learning_rate=1e38)
    with pytest.raises(
        ArtifactError, match=r"must have a finite loss\..*Try: a lower train\.learning"
    ):
        training.run()


def test_compiled_or_in_half_precision_it_learns_as_well(tmp_path: Path, judged) -> None:
    import keras

    # Whole batches whose longest bodies are equally long, as XLA compiles again for other shapes.
    learnt = tiny_models.shards(tmp_path / "train", tiny_models.rows(48))
    losses, validators = [], {}
    # Without noise: XLA's generator gives other masks for equal seeds.
    config = tiny_models.config(dropout=0.0, word_dropout=0.0)
    for precision, xla in (("float32", False), ("float32", True), ("mixed_bfloat16", False)):
        keras.config.set_dtype_policy(precision)
        try:
            training = tiny_models.training(
                tmp_path / f"{precision}-{xla}", learnt, judged,
                model=config, validator=validators.get(precision), xla=xla, epochs=1,
            )  # fmt: skip
            validators[precision] = training._validator
            trained = training.run()
        finally:
            keras.config.set_dtype_policy("float32")
        losses.append(trained.best["eval/loss"])
        assert {of.dtype for of in trained.weights} == {np.dtype("float32")}
    plain, compiled, half = losses
    assert compiled == pytest.approx(plain, rel=1e-5)
    assert half == pytest.approx(plain, rel=0.05)


def test_curves_are_written_in_a_repository_without_a_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from issuesum.training.model.training import Curves

    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    Repo.init()
    with Curves(tmp_path / "curves", tmp_path / "speed.tsv") as curves:
        curves.add({"train/loss": 1.5, "train/examples_per_second": 10.0})
    assert json.loads((tmp_path / "curves/metrics.json").read_text())["train"]["loss"] == 1.5
