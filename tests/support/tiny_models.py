"""Models and features of a few thousand numbers, for tests of training and conversion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import example_architecture
from issuesum.text import tokens
from issuesum.text.features import BODY_VOCABULARY, TITLE_VOCABULARY, Features, Shards, save_shard
from issuesum.text.vocabulary import Vocabulary
from projects import ROOT

SIZES = {"body_size": 40, "body_maxlen": 9, "title_size": 30, "title_maxlen": 6}
START, END = 2, 3
_FOLDER = ROOT / "src/issuesum/training/model/architectures"
ARCHITECTURES = sorted(path.stem for path in _FOLDER.glob("[!_]*.py"))
"""Every one that there is: a new file is held to the contract by being there."""


def config(arch: str = "pointer", **changes: Any):
    """Return the shape of a tiny model; TensorFlow is loaded only by tests that call this."""
    from issuesum.training.model.interface import ModelConfig

    values = {"embedding_dim": 8, "hidden_units": 12, "dropout": 0.3, "word_dropout": 0.2}
    return ModelConfig(arch, **{**values, **SIZES, **changes})


def simple(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Return the shape of the example of docs/model.md, whose file `folder` gets."""
    name = example_architecture.NAME
    example_architecture.place(name, example_architecture.source(), folder, monkeypatch)
    return config(name)


def rows(count: int = 64, seed: int = 1) -> Features:
    """Return rows of 3 to 9 body words whose titles copy one of them."""
    draw = np.random.default_rng(seed)
    body = np.zeros((count, 9), np.int32)
    extended = np.zeros((count, 9), np.int32)
    title = np.zeros((count, 6), np.int32)
    for line in range(count):
        length = int(draw.integers(3, 10))
        # The last word is one that the title vocabulary does not hold.
        words = draw.integers(4, 30, length - 1).tolist()
        body[line, -length:] = [*words, 1]
        extended[line, -length:] = [*words, 30]
        title[line, :5] = [START, words[0], 5, 30 if line % 2 else words[-1], END]
    return Features(
        body=body,
        title=np.where(title < 30, title, 1),
        body_extended=extended,
        title_extended=title,
    )


def shards(folder: Path, *parts: Features) -> Shards:
    """Write parts as shards and return them."""
    folder.mkdir(parents=True)
    for number, part in enumerate(parts):
        save_shard(folder / f"part-{number:05d}.npz", part)
    return Shards(folder)


def save_vocabularies(folder: Path) -> None:
    """Write vocabularies of these sizes."""
    for name, size, maxlen, padding in (
        (BODY_VOCABULARY, SIZES["body_size"], SIZES["body_maxlen"], "pre"),
        (TITLE_VOCABULARY, SIZES["title_size"], SIZES["title_maxlen"], "post"),
    ):
        words = (tokens.START, tokens.END, *(f"word{number}" for number in range(size - 4)))
        of_title = padding == "post"
        Vocabulary(words, maxlen, padding, append_indicators=of_title).save(folder / name)


def settings(**changes: Any):
    """Return settings with which a tiny model learns in seconds, in three epochs."""
    from issuesum.training.model.trainer import Settings

    values = {
        "batch_size": 16, "learning_rate": 0.01, "warmup_steps": 2, "clip_norm": 1.0,
        "label_smoothing": 0.1, "average_decay": 0.5, "xla": False, "seed": 7,
        "epochs": 3, "max_steps": 1000, "eval_steps": 500, "patience": 3, "monitor": "loss",
        "checkpoint_steps": 2,
    }  # fmt: skip
    return Settings(**{**values, **changes})


def training(
    folder: Path,
    learnt: Shards,
    judged: Features,
    *,
    model=None,
    cluster=None,
    report=None,
    validator=None,
    url: str | None = None,
    **changes: Any,
):
    """Return a training that is about to begin or, if one was interrupted in `folder`, to resume.

    `changes` are those of `settings`. A `validator` of the model and of these rows can be shared:
    it takes all weights anew, and half of a small training's time is its tracing.
    """
    from issuesum.training.model.checkpoint import Checkpoint
    from issuesum.training.model.distribution import Cluster, Distribution
    from issuesum.training.model.trainer import Validator
    from issuesum.training.model.training import Training

    model, plan = model or config(), settings(**changes)
    return Training(
        model,
        plan,
        learnt,
        distribution=Distribution(cluster or Cluster(1, is_chief=True)),
        validator=validator or Validator(model, judged, start=START, end=END),
        checkpoint=Checkpoint(folder / "checkpoints", [model, plan], learnt.paths, url=url),
        report=report or [].append,
    )
