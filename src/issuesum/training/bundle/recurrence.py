"""ONNX's own GRU in place of TensorFlow's loop over the words of a body.

A loop comes out of tf2onnx as a `Loop` of twenty small nodes, which onnxruntime starts anew at each
word. So while a model is traced, a GRU leaves one mark in the graph, with its inputs and weights,
and tf2onnx is told to write the mark as a GRU. Models know nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import numpy as np
import tensorflow as tf
from tf2onnx.graph import Graph, Node

from issuesum.serving.inference.graphs import Floats
from issuesum.training.model.layers import BidirectionalGRU


@contextmanager
def marked_recurrence() -> Iterator[None]:
    """Let every `BidirectionalGRU` that is traced in this block leave marks for `HANDLERS`."""
    original = BidirectionalGRU.call
    BidirectionalGRU.call = _marked_call  # type: ignore[method-assign,assignment] # for a while
    try:
        yield
    finally:
        BidirectionalGRU.call = original  # type: ignore[method-assign]


def _marked_call(layer: BidirectionalGRU, inputs: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Do what `BidirectionalGRU.call` does, padding included.

    ONNX's two directions in one node would give 0 for padding, which a body without any word shows.
    """
    with tf.init_scope():  # the weights as numbers, so that they are transposed here and now
        kernel, recurrent, bias = (
            np.asarray(weight) for weight in (layer.kernel, layer.recurrent, layer.bias)
        )
    backward = tf.reverse_sequence(inputs, lengths, seq_axis=1)
    states = [
        _mark(tf.transpose(given, (1, 0, 2)), *weights)
        for given, *weights in zip(
            (inputs, backward), np.split(kernel, 2, 1), recurrent, np.split(bias, 2), strict=True
        )
    ]
    forward, backward = (tf.transpose(of, (1, 0, 2)) for of in states)
    return tf.concat([forward, tf.reverse_sequence(backward, lengths, seq_axis=1)], axis=-1)


def _mark(inputs: tf.Tensor, kernel: Floats, recurrent: Floats, bias: Floats) -> tf.Tensor:
    """Return what stands for the states (steps, batch, units) of a GRU, see `layers.gru_scan`."""
    both = np.concatenate([bias, np.zeros_like(bias)])
    weights = [np.ascontiguousarray(of)[None] for of in (kernel.T, recurrent.T, both)]
    states = tf.numpy_function(_never, [inputs, *weights], tf.float32, stateful=False)
    # ONNX has an axis of directions; besides, tf2onnx does not hear of a mark's shape.
    return tf.reshape(states, (inputs.shape[0], -1, len(recurrent)))


def _never(*_: Floats) -> NoReturn:
    raise AssertionError("only traced")


def _write_gru(graph: Graph, node: Node, _name: str, _args: object) -> None:
    """Write a mark as ONNX's GRU."""
    inputs, outputs = list(node.input), list(node.output)
    _, _, units = graph.get_shape(inputs[2])
    graph.remove_node(node.name)
    attributes = {"hidden_size": units, "linear_before_reset": 1}
    graph.make_node("GRU", inputs, attr=attributes, outputs=outputs)


HANDLERS: dict[str, tuple[Callable[..., None], list[object]]] = {
    "PyFuncStateless": (_write_gru, [])
}
"""For tf2onnx: how it is to write marks."""
