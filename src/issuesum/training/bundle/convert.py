"""Keras model -> two ONNX graphs, the same bytes for the same weights."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from tf2onnx.graph import Graph, Node

from issuesum.errors import ArtifactError, one_line
from issuesum.serving.inference.graphs import (
    BODY,
    BODY_EXTENDED,
    DECODER,
    ENCODER,
    LOG_PROBS,
    NEXT,
    PREVIOUS,
    Graphs,
)
from issuesum.text.features import Features
from issuesum.training.bundle.canonical import canonicalise
from issuesum.training.bundle.recurrence import HANDLERS, marked_recurrence
from issuesum.training.model.contract import state_specs
from issuesum.training.model.interface import Inputs, TitleModel


def convert(model: TitleModel, *, body_maxlen: int, opset: int, target: Path) -> None:
    """Write encoder.onnx and decoder.onnx of a loaded model into an existing folder.

    A body has `body_maxlen` ids; `opset` is the ONNX operator set.
    """
    body = tf.TensorSpec((None, body_maxlen), tf.int32, name=BODY)
    body_extended = tf.TensorSpec((None, body_maxlen), tf.int32, name=BODY_EXTENDED)
    state = state_specs(model, body_maxlen)
    names = list(state)

    def step(previous: tf.Tensor, *tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        log_probs, changed = model.step(previous, dict(zip(names, tensors, strict=True)))
        # What is no state is an output to look at: attention.
        named = {NEXT + name if name in state else name: of for name, of in changed.items()}
        return {LOG_PROBS: log_probs, **named}

    previous = tf.TensorSpec((None,), tf.int32, name=PREVIOUS)
    _save(model.encode, [body, body_extended], opset, target / ENCODER)
    _save(step, [previous, *state.values()], opset, target / DECODER)


def _write_erfc(graph: Graph, node: Node, _name: str, _args: object) -> None:
    """Write 1 - erf(x); tf2onnx 1.17 has no erfc, of which TensorFlow makes gelu."""
    (given,), outputs = list(node.input), list(node.output)
    one = graph.make_const(f"{node.name}_one", np.ones((), np.float32)).output[0]
    graph.remove_node(node.name)
    erf = graph.make_node("Erf", [given]).output[0]
    graph.make_node("Sub", [one, erf], outputs=outputs)


def _save(
    function: Callable[..., dict[str, tf.Tensor]],
    signature: Sequence[tf.TensorSpec],
    opset: int,
    path: Path,
) -> None:
    traced = tf.function(function, input_signature=signature)
    try:
        with quiet_stderr(), marked_recurrence():
            proto, _ = tf2onnx.convert.from_function(
                traced,
                input_signature=signature,
                opset=opset,
                custom_op_handlers={**HANDLERS, "Erfc": (_write_erfc, [])},
            )
        proto = canonicalise(proto)
        onnx.checker.check_model(proto, full_check=True)
    except Exception as error:  # of TensorFlow, tf2onnx and onnx; they share no base class
        reason = one_line(error)[:300]
        raise ArtifactError(
            f"{path.name} must be made of operations that tf2onnx can write for ONNX {opset}. "
            f"Received: {type(error).__name__}: {reason}. "
            "Try: say it by other operations (docs/architectures.md)."
        ) from error
    path.write_bytes(proto.SerializeToString(deterministic=True))


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what is written to file descriptor 2; show it only if the block fails.

    TensorFlow 2.20's C++ logs a dozen lines of INFO while a graph is frozen, whatever
    TF_CPP_MIN_LOG_LEVEL says, because its logger is not initialised at that time.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            sys.stderr.flush()
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


def check_parity(model: TitleModel, folder: Path, rows: Features, *, tolerance: float) -> float:
    """Compare teacher-forced log-probabilities at every place of every row, at least one.

    Keras answers in one call over the whole title, the ONNX graphs in `folder` word by word, so the
    comparison also covers `encode` and `step` against `call`.

    Returns:
        The largest absolute difference.

    Raises:
        ArtifactError: the difference is above `tolerance`, or a value is NaN.
    """
    previous = rows.title_extended[:, :-1]
    expected = model(Inputs(rows.body, rows.body_extended, previous)).numpy()
    if not np.isfinite(expected).all():
        raise ArtifactError(
            "The Keras model must give finite log-probabilities. Received: NaN or infinity. "
            "Try: a lower train.learning_rate, then dvc repro."
        )
    graphs = Graphs(folder)
    state = graphs.encode(rows.body, rows.body_extended)
    difference = 0.0
    for place in range(previous.shape[1]):
        log_probs, state = graphs.step(np.ascontiguousarray(previous[:, place]), state)
        # NaN is no maximum for `max`, which would pass it over.
        gap = np.nan_to_num(np.abs(log_probs - expected[:, place]), nan=np.inf)
        difference = max(difference, float(gap.max()))
    if difference > tolerance:
        raise ArtifactError(
            f"ONNX and Keras must agree to {tolerance:g} (build.parity_tolerance). Received: "
            f"{difference:.3g} on {len(rows)} rows. Try: another build.opset, or look for an "
            "operation in the architecture that is exported otherwise."
        )
    return difference
