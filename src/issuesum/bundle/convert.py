"""Keras model -> two ONNX graphs, the same bytes for the same weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import onnx
import tensorflow as tf
import tf2onnx

from issuesum.bundle.canonical import canonicalise
from issuesum.bundle.quiet import quiet_stderr
from issuesum.bundle.recurrence import HANDLERS, marked_recurrence
from issuesum.inference.graphs import (
    BODY,
    BODY_EXTENDED,
    DECODER,
    ENCODER,
    LOG_PROBS,
    NEXT,
    PREVIOUS,
)
from issuesum.model.interface import TitleModel


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
    nothing = tf.zeros((1, body_maxlen), tf.int32)
    state = {
        name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype, name=name)
        for name, tensor in model.encode(nothing, nothing).items()
    }
    names = list(state)

    def step(previous: tf.Tensor, *tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        log_probs, changed = model.step(previous, dict(zip(names, tensors, strict=True)))
        # What is no state is an output to look at: attention.
        named = {NEXT + name if name in state else name: of for name, of in changed.items()}
        return {LOG_PROBS: log_probs, **named}

    previous = tf.TensorSpec((None,), tf.int32, name=PREVIOUS)
    _save(model.encode, [body, body_extended], opset, target / ENCODER)
    _save(step, [previous, *state.values()], opset, target / DECODER)


def _save(
    function: Callable[..., dict[str, tf.Tensor]],
    signature: Sequence[tf.TensorSpec],
    opset: int,
    path: Path,
) -> None:
    traced = tf.function(function, input_signature=signature)
    with quiet_stderr(), marked_recurrence():
        proto, _ = tf2onnx.convert.from_function(
            traced, input_signature=signature, opset=opset, custom_op_handlers=HANDLERS
        )
    proto = canonicalise(proto)
    onnx.checker.check_model(proto, full_check=True)
    path.write_bytes(proto.SerializeToString(deterministic=True))
