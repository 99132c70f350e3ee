"""The model as TensorFlow Serving takes it: bodies as ids in, titles as ids out.

The signature `serving_default` takes `body` and `body_extended`, int32 (batch, body_maxlen), and
returns `title_ids`, int32 (batch, steps), extended ids with padding behind the last word, and
`scores`, float32 (batch,). Titles are decoded greedily. From ids alone nobody can tell which own
word of a row is a placeholder, so a caller who knows hands in UNKNOWN in place of its id: then it
is not written, and every other word has the chance that it has in the image.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from issuesum.errors import ArtifactError
from issuesum.serving.inference.decoding import Hypothesis, greedy
from issuesum.serving.inference.graphs import BODY, BODY_EXTENDED, Floats, Graphs
from issuesum.serving.inference.rules import DECODING, Decoding, TitleRules
from issuesum.text.features import TITLE_VOCABULARY, Features
from issuesum.text.vocabulary import PADDING, Vocabulary, pad
from issuesum.training.bundle.quiet import quiet_stderr
from issuesum.training.bundle.stable import stabilise
from issuesum.training.bundle.title_graph import SCORES, TITLE_IDS, title_graph
from issuesum.training.model.interface import TitleModel

SIGNATURE = "serving_default"


def save(model: TitleModel, folder: Path, target: Path, *, body_maxlen: int) -> None:
    """Write a SavedModel; equal weights give equal bytes.

    Args:
        model: built and loaded.
        folder: holds the title vocabulary and the settings of the search.
        body_maxlen: ids of a body.
        target: the folder to be made; TensorFlow Serving wants a number for a name.
    """
    names = (BODY, BODY_EXTENDED)
    ids = [tf.TensorSpec((None, body_maxlen), tf.int32, name=name) for name in names]
    rules = _rules(folder, np.zeros((0, body_maxlen), np.float32))
    module = tf.Module()
    # All that is to be saved of a model: Keras would add its layers and their functions.
    module.weights = [weight.value for weight in model.weights]
    traced = tf.function(title_graph(model, rules), input_signature=ids)
    with quiet_stderr():
        tf.saved_model.save(
            module, str(target), signatures={SIGNATURE: traced.get_concrete_function()}
        )
    stabilise(target)


def check(saved: Path, folder: Path, rows: Features, *, tolerance: float) -> float:
    """Load a SavedModel and compare its titles with those that are decoded over the ONNX graphs.

    Args:
        saved: what `save` wrote.
        folder: holds the ONNX graphs, the title vocabulary and the settings of the search.
        rows: real rows, at least one.
        tolerance: largest absolute difference of a score that is accepted.

    Returns:
        The largest absolute difference of a score.

    Raises:
        ArtifactError: names, types, ids or scores are others.
    """
    with quiet_stderr():
        loaded = tf.saved_model.load(str(saved))
    places, size = rows.body.shape[1], Vocabulary.load(folder / TITLE_VOCABULARY).size
    there = (rows.body_extended[:, :, None] == size + np.arange(places)).any(axis=1)
    rules = _rules(folder, np.where(there, 0, -np.inf).astype(np.float32))
    _check_signatures(saved, loaded.signatures, places, rules.steps)
    answer = loaded.signatures[SIGNATURE](
        **{BODY: tf.constant(rows.body), BODY_EXTENDED: tf.constant(rows.body_extended)}
    )
    graphs = Graphs(folder)
    titles = greedy(graphs, graphs.encode(rows.body, rows.body_extended), rules)
    best = [title[0] if title else Hypothesis([], -np.inf) for title in titles]
    expected = pad([title.ids for title in best], rules.steps, padding="post", value=PADDING)
    others = int((answer[TITLE_IDS].numpy() != expected).any(axis=1).sum())
    if others:
        raise ArtifactError(
            f"{saved} must write the titles that greedy decoding over ONNX writes. Received: "
            f"{others} others of {len(rows)}. Try: another build.parity_rows, in case two words "
            "were equally probable."
        )
    scores = np.array([title.score for title in best])
    told = answer[SCORES].numpy()
    # Equal infinities differ by NaN, and a NaN that only one has is no maximum.
    gaps = np.where(told == scores, 0, np.nan_to_num(np.abs(told - scores), nan=np.inf))
    difference = float(gaps.max())
    if difference > tolerance:
        raise ArtifactError(
            f"{saved} must score titles as ONNX does, to {tolerance:g} (build.parity_tolerance). "
            f"Received: {difference:.3g} on {len(rows)} rows. Try: look for an operation in the "
            "architecture that is exported otherwise."
        )
    return difference


def _rules(folder: Path, masked: Floats) -> TitleRules:
    return TitleRules.of(
        Vocabulary.load(folder / TITLE_VOCABULARY), masked, Decoding.load(folder / DECODING)
    )


def _check_signatures(saved: Path, signatures: Mapping[str, Any], places: int, steps: int) -> None:
    wanted = {
        BODY: tf.TensorSpec((None, places), tf.int32),
        BODY_EXTENDED: tf.TensorSpec((None, places), tf.int32),
        TITLE_IDS: tf.TensorSpec((None, steps), tf.int32),
        SCORES: tf.TensorSpec((None,), tf.float32),
    }
    found = {
        name: _described(one.structured_input_signature[1] | one.structured_outputs)
        for name, one in signatures.items()
    }
    if found != {SIGNATURE: _described(wanted)}:
        raise ArtifactError(
            f"{saved} must have the signature {SIGNATURE}: {_described(wanted)}. "
            f"Received: {found}. Try: make setup, in case another TensorFlow is installed."
        )


def _described(tensors: Mapping[str, tf.TensorSpec]) -> dict[str, str]:
    return {name: f"{tensors[name].dtype.name} {tensors[name].shape}" for name in sorted(tensors)}
