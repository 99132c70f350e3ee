"""Keras model -> two ONNX graphs, the same bytes for the same weights.

tf2onnx numbers nodes, tensors and unknown axes with counters that differ from run to run, so every
name that is not part of the interface is replaced by its place in the graph. The counters also
order a few nodes, and run on from one conversion to the next, so the bytes are the same for the
first conversion of a process, which is the only one that the build stage makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import onnx
import tensorflow as tf
import tf2onnx

from issuesum.bundle.quiet import quiet_stderr
from issuesum.inference.graphs import BODY, DECODER, ENCODER, LOG_PROBS, NEXT, PREVIOUS
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
    state = {
        name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype, name=name)
        for name, tensor in model.encode(tf.zeros((1, body_maxlen), tf.int32)).items()
    }
    names = list(state)

    def step(previous: tf.Tensor, *tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        logits, changed = model.step(previous, dict(zip(names, tensors, strict=True)))
        named = {NEXT + name: tensor for name, tensor in changed.items()}
        return {LOG_PROBS: tf.nn.log_softmax(logits), **named}

    previous = tf.TensorSpec((None,), tf.int32, name=PREVIOUS)
    _save(model.encode, [body], opset, target / ENCODER)
    _save(step, [previous, *state.values()], opset, target / DECODER)


def _save(
    function: Callable[..., dict[str, tf.Tensor]],
    signature: Sequence[tf.TensorSpec],
    opset: int,
    path: Path,
) -> None:
    traced = tf.function(function, input_signature=signature)
    with quiet_stderr():
        proto, _ = tf2onnx.convert.from_function(traced, input_signature=signature, opset=opset)
    _normalise(proto)
    onnx.checker.check_model(proto, full_check=True)
    path.write_bytes(proto.SerializeToString(deterministic=True))


def _normalise(proto: onnx.ModelProto) -> None:
    interface = {value.name for value in (*proto.graph.input, *proto.graph.output)}
    names: dict[str, str] = {"": ""}
    axes: dict[str, str] = {}
    for graph in _graphs(proto.graph):
        for number, node in enumerate(graph.node):
            node.name = f"{node.op_type}_{number}"
            node.doc_string = ""
            for field in (node.input, node.output):
                field[:] = [_renamed(name, names, interface) for name in field]
        for value in (*graph.input, *graph.output):
            value.name = _renamed(value.name, names, interface)
            for axis in value.type.tensor_type.shape.dim:
                if axis.dim_param:
                    axis.dim_param = axes.setdefault(axis.dim_param, f"axis{len(axes)}")
        for tensor in graph.initializer:
            tensor.name = _renamed(tensor.name, names, interface)
        initializers = sorted(graph.initializer, key=lambda tensor: tensor.name)
        del graph.initializer[:], graph.value_info[:]  # the latter only repeats what follows
        graph.initializer.extend(initializers)
        graph.name, graph.doc_string = "graph", ""
    proto.producer_version, proto.doc_string = "", ""


def _renamed(name: str, names: dict[str, str], interface: set[str]) -> str:
    if name not in names:
        names[name] = name if name in interface else f"t{len(names)}"
    return names[name]


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)
