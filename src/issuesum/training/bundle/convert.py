"""Keras model -> two ONNX graphs, the same bytes for the same weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
)
from issuesum.training.bundle.canonical import canonicalise
from issuesum.training.bundle.quiet import quiet_stderr
from issuesum.training.bundle.recurrence import HANDLERS, marked_recurrence
from issuesum.training.model.contract import state_specs
from issuesum.training.model.interface import TitleModel


def convert(model: TitleModel, *, body_maxlen: int, opset: int, target: Path) -> None:
    """Write `target/encoder.onnx` and `target/decoder.onnx`.

    Args:
        model: built and loaded.
        body_maxlen: ids of a body.
        opset: ONNX operator set.
        target: existing folder.
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
