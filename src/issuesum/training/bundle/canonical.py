"""One form for all ONNX graphs that compute the same in the same way.

tf2onnx numbers nodes, tensors and unknown axes with running counters, orders nodes by those names,
and decides by the order of Python's sets which of two equal outputs is a copy (`Identity`) of the
other: 3 of 11 processes gave another encoder for the same weights. So nodes are ordered by what
they need, beginning at the outputs, named in that order, and copied only where two outputs need it.
The onnx package has no pass for this. A slice that takes everything, which tf2onnx writes for
`x[:, None]` and onnxruntime does not optimise, is a copy too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import onnx

_EVERYTHING = 1_000_000_000  # tf2onnx's end of a slice that has no end; no axis is longer


def canonicalise(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Return the same model in canonical form; names of its inputs and outputs are kept."""
    graphs = list(_graphs(proto.graph))
    constants = {tensor.name: tensor for graph in graphs for tensor in graph.initializer}
    copies = {
        node.output[0]: node.input[0]
        for graph in graphs
        for node in graph.node
        if node.op_type == "Identity" or _takes_all(node, constants)
    }
    result = onnx.ModelProto(ir_version=proto.ir_version, producer_name=proto.producer_name)
    result.opset_import.extend(sorted(proto.opset_import, key=lambda opset: opset.domain))
    result.graph.CopyFrom(_Writer(copies).graph(proto.graph, keep=True))
    return result


@dataclass
class _Writer:
    copies: dict[str, str]  # output of a node that only copies -> its input
    names: dict[str, str] = field(default_factory=dict)
    axes: dict[str, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    def graph(self, graph: onnx.GraphProto, *, keep: bool) -> onnx.GraphProto:
        made = onnx.GraphProto(name="graph")
        for value in graph.input:
            self.names.setdefault(value.name, value.name if keep else self._next())
            made.input.append(self._value(value, self.names[value.name]))
        nodes = [node for node in graph.node if node.output[0] not in self.copies]
        produced = {name for node in nodes for name in node.output if name}
        sources = [self._source(value.name) for value in graph.output]
        direct: dict[str, str] = {}  # sources, and the one output that each stands for
        for value, source in zip(graph.output, sources, strict=True):
            if source in produced:
                direct.setdefault(source, value.name)
        if keep:
            self.names |= direct
        for node in self._ordered(nodes, sources):
            made.node.append(self._node(node, len(made.node)))
        for value, source in zip(graph.output, sources, strict=True):
            name = self._name(source)
            if direct.get(source) != value.name:
                copy = value.name if keep else self._next()
                identity = f"Identity_{len(made.node)}"
                made.node.add(name=identity, op_type="Identity", input=[name], output=[copy])
                name = copy
            made.output.append(self._value(value, name))
        used = (tensor for tensor in graph.initializer if tensor.name in self.names)
        made.initializer.extend(sorted(used, key=lambda tensor: self.names[tensor.name]))
        for tensor in made.initializer:
            tensor.name = self.names[tensor.name]
        return made

    def _ordered(self, nodes: list[onnx.NodeProto], outputs: list[str]) -> Iterator[onnx.NodeProto]:
        """Yield what the outputs need, each node after what it needs itself."""
        producer = {name: place for place, node in enumerate(nodes) for name in node.output if name}
        done: set[int] = set()
        # A stack of its own: a graph may be deeper than Python's.
        waiting = [(name, False) for name in reversed(outputs)]
        while waiting:
            name, needs_done = waiting.pop()
            place = producer.get(name)
            if place is None or place in done:
                continue
            if needs_done:
                done.add(place)
                yield nodes[place]
            else:
                needed = reversed(list(self._needed(nodes[place])))
                waiting += [(name, True), *((other, False) for other in needed)]

    def _needed(self, node: onnx.NodeProto) -> Iterator[str]:
        yield from map(self._source, node.input)
        for inner in _inner(node):
            for deep in inner.node:
                yield from self._needed(deep)
            for value in inner.output:
                yield self._source(value.name)

    def _node(self, node: onnx.NodeProto, number: int) -> onnx.NodeProto:
        made = onnx.NodeProto(op_type=node.op_type, name=f"{node.op_type}_{number}")
        if node.domain:
            made.domain = node.domain
        made.input.extend(self._name(self._source(name)) if name else "" for name in node.input)
        made.attribute.extend(sorted(node.attribute, key=lambda attribute: attribute.name))
        for inner in _inner(made):
            inner.CopyFrom(self.graph(inner, keep=False))
        made.output.extend(self._name(name) if name else "" for name in node.output)
        return made

    def _value(self, value: onnx.ValueInfoProto, name: str) -> onnx.ValueInfoProto:
        made = onnx.ValueInfoProto(name=name)
        made.type.CopyFrom(value.type)
        for axis in made.type.tensor_type.shape.dim:
            if axis.dim_param:
                axis.dim_param = self.axes.setdefault(axis.dim_param, f"axis{len(self.axes)}")
        return made

    def _source(self, name: str) -> str:
        while name in self.copies:
            name = self.copies[name]
        return name

    def _name(self, name: str) -> str:
        return self.names.get(name) or self.names.setdefault(name, self._next())

    def _next(self) -> str:
        return f"t{next(self.numbers)}"


def _takes_all(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> bool:
    """Return whether a node is a slice from the first element of each axis to the last."""
    if node.op_type != "Slice" or not constants.keys() >= set(node.input[1:]) - {""}:
        return False
    starts, ends, _, steps = (
        onnx.numpy_helper.to_array(constants[name]) if name else 1
        for name in [*node.input[1:], "", ""][:4]
    )
    return bool(np.all(starts == 0) and np.all(ends >= _EVERYTHING) and np.all(steps == 1))


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for inner in _inner(node):
            yield from _graphs(inner)


def _inner(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    return [attribute.g for attribute in node.attribute if attribute.HasField("g")]
