"""Keras model -> two ONNX graphs, the same bytes for the same weights.

tf2onnx writes a loop as a `Loop` of twenty small nodes, which onnxruntime starts again at each
word. So while a model is traced, a GRU leaves one mark in the graph, with its inputs and weights,
which becomes ONNX's own GRU. A single step stays as it is: ONNX's node takes longer for it.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from tf2onnx.graph import Graph, Node

from issuesum.errors import ArtifactError, one_line
from issuesum.serving.inference import graphs
from issuesum.serving.inference.graphs import BODY, BODY_EXTENDED, Floats, Graphs
from issuesum.text.features import Features
from issuesum.training.bundle.canonical import canonicalise
from issuesum.training.model.contract import state_specs
from issuesum.training.model.interface import Inputs, TitleModel
from issuesum.training.model.layers import GRU

_LEAST = np.float32(1e-30)
"""Probability below which no difference matters: float32 has no room for the smallest."""


def body_specs(body_maxlen: int) -> list[tf.TensorSpec]:
    """Return the inputs of `encode`, int32 (batch, body_maxlen), with their names in a graph."""
    shape = (None, body_maxlen)
    return [tf.TensorSpec(shape, tf.int32, name=name) for name in (BODY, BODY_EXTENDED)]


def convert(model: TitleModel, *, body_maxlen: int, opset: int, target: Path) -> None:
    """Write both graphs into an existing folder; ArtifactError: ONNX has no such operation."""
    state = state_specs(model, body_maxlen)

    def step(previous: tf.Tensor, *tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        log_probs, changed = model.step(previous, dict(zip(state, tensors, strict=True)))
        # A logarithm of every word takes a fifth of the time; the search needs those of a few.
        is_log = log_probs.op.type == "Log"
        probabilities = log_probs.op.inputs[0] if is_log else tf.exp(log_probs)
        # What is no state is another output: attention.
        named = {graphs.NEXT + name if name in state else name: of for name, of in changed.items()}
        return {graphs.PROBABILITIES: probabilities, **named}

    inputs = [tf.TensorSpec((None,), tf.int32, name=graphs.PREVIOUS), *state.values()]
    encoder = (graphs.ENCODER, model.encode, body_specs(body_maxlen))
    for name, function, signature in (encoder, (graphs.DECODER, step, inputs)):
        traced = tf.function(function, input_signature=signature, autograph=False)
        try:
            with quiet_stderr(), _marked_recurrence():
                proto, _ = tf2onnx.convert.from_function(
                    traced, input_signature=signature, opset=opset, custom_op_handlers=_HANDLERS
                )
            proto = canonicalise(proto)
            onnx.checker.check_model(proto, full_check=True)
        except Exception as error:  # of TensorFlow, tf2onnx and onnx; they share no base class
            raise ArtifactError(
                f"{name} must be made of operations that tf2onnx can write for ONNX {opset}. "
                f"Received: {type(error).__name__}: {one_line(error)[:300]}. "
                "Try: express it by other operations (docs/model.md)."
            ) from error
        (target / name).write_bytes(proto.SerializeToString(deterministic=True))


@contextmanager
def _marked_recurrence() -> Iterator[None]:
    original = GRU.call
    GRU.call = _marked_call  # type: ignore[method-assign,assignment] # for a while
    try:
        yield
    finally:
        GRU.call = original  # type: ignore[method-assign]


def _marked_call(layer: GRU, inputs: tf.Tensor, hidden: tf.Tensor | None = None) -> tf.Tensor:
    gates = layer.input_gates
    with tf.init_scope():  # the weights as numbers, so that they are transposed here and now
        kernel, recurrent, bias = map(np.asarray, (gates.kernel, layer.recurrent, gates.bias))
    weights = (kernel.T, recurrent.T, np.concatenate([bias, np.zeros_like(bias)]))
    given = [tf.transpose(inputs, (1, 0, 2)), *(np.ascontiguousarray(of)[None] for of in weights)]
    given += [] if hidden is None else [hidden[None]]
    states = tf.numpy_function(_never, given, tf.float32, stateful=False)
    # ONNX has an axis of directions; besides, tf2onnx does not know a mark's shape.
    states = tf.reshape(states, (tf.shape(inputs)[1], -1, len(recurrent)))
    return tf.transpose(states, (1, 0, 2))


def _never(*_: Floats) -> NoReturn:
    raise AssertionError("only traced")


def _write_gru(graph: Graph, node: Node, _name: str, _args: object) -> None:
    inputs, outputs = list(node.input), list(node.output)
    inputs[4:] = ["", *inputs[4:]]  # behind the weights: lengths, and the first state, if any
    attributes = {"hidden_size": graph.get_shape(inputs[2])[2], "linear_before_reset": 1}
    graph.remove_node(node.name)
    graph.make_node("GRU", inputs, attr=attributes, outputs=outputs)


def _write_erfc(graph: Graph, node: Node, _name: str, _args: object) -> None:
    """Write 1 - erf(x); tf2onnx 1.17 has no erfc, of which TensorFlow makes gelu."""
    (given,), outputs = list(node.input), list(node.output)
    one = graph.make_const(f"{node.name}_one", np.ones((), np.float32)).output[0]
    graph.remove_node(node.name)
    erf = graph.make_node("Erf", [given]).output[0]
    graph.make_node("Sub", [one, erf], outputs=outputs)


_HANDLERS: dict[str, tuple[Callable[..., None], list[object]]] = {
    "PyFuncStateless": (_write_gru, []),
    "Erfc": (_write_erfc, []),
}


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Drop what is written to file descriptor 2; an exception says why a block fails.

    TensorFlow 2.20's C++ logs a dozen lines of INFO while a graph is frozen, whatever
    TF_CPP_MIN_LOG_LEVEL says, because its logger is not initialised at that time.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


def check_parity(model: TitleModel, folder: Path, rows: Features, *, tolerance: float) -> float:
    """Return the largest difference of teacher-forced log-probabilities in any place of any row.

    Keras answers in one call over the whole title, the ONNX graphs in `folder` word by word, so the
    comparison also covers `encode` and `step` against `call`. ArtifactError: the difference is
    above `tolerance`, or a value is NaN.
    """
    previous = rows.title_extended[:, :-1]
    expected = model(Inputs(rows.body, rows.body_extended, previous)).numpy()
    if not np.isfinite(expected).all():
        raise ArtifactError(
            "The Keras model must give finite log-probabilities. Received: NaN or infinity. "
            "Try: a lower train.learning_rate, then dvc repro."
        )
    expected = np.maximum(expected, np.log(_LEAST))
    exported = Graphs(folder)
    state = exported.encode(rows.body, rows.body_extended)
    gaps = []
    for place in range(previous.shape[1]):
        found, state = exported.step(np.ascontiguousarray(previous[:, place]), state)
        gaps.append(np.abs(np.log(np.maximum(found, _LEAST)) - expected[:, place]))
    difference = float(np.max(gaps))
    if not difference <= tolerance:  # NaN is not
        raise ArtifactError(
            f"ONNX and Keras must agree to {tolerance:g} (build.parity_tolerance). Received: "
            f"{difference:.3g} on {len(rows)} rows. Try: another build.opset, or look for an "
            "operation in the architecture that is exported otherwise."
        )
    return difference
