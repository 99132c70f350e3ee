"""Equal SavedModels for equal weights, whichever process wrote them.

Three things differ between two processes in what TensorFlow 2.20 writes. Functions bear the numbers
of a counter that everything traced before has moved on, and so do the names that it makes up for
what they are given. They stand in another order each time. And fingerprint.pb has a random `uuid`.
Nodes and weights (`variables/`) are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from google.protobuf import text_format
from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

_GIVEN_NAME = "_user_specified_name"


def stabilise(folder: Path) -> None:
    """Bring a SavedModel into the one form that all with its graph and weights share."""
    # TensorFlow does without; besides the uuid it holds hashes of the form before this one.
    (folder / "fingerprint.pb").unlink()
    path = folder / "saved_model.pb"
    saved = SavedModel.FromString(path.read_bytes())
    for graph in saved.meta_graphs:
        _order(graph)
        _number(graph)
    path.write_bytes(saved.SerializeToString(deterministic=True))


def _order(graph: MetaGraphDef) -> None:
    """Put functions in the order in which they are needed, and leave out those that are not."""
    library = graph.graph_def.library
    functions = {function.signature.name: function for function in library.function}
    used = dict.fromkeys(_called(graph.graph_def.node, functions))
    ordered = [FunctionDef.FromString(functions[name].SerializeToString()) for name in used]
    del library.function[:]
    library.function.extend(ordered)


def _number(graph: MetaGraphDef) -> None:
    """Number functions by their place."""
    names = {}
    for place, function in enumerate(graph.graph_def.library.function):
        stem = re.sub(r"_[0-9]+$", "", function.signature.name)
        names[function.signature.name] = f"{stem}_f{place}"
        for given in function.arg_attr.values():
            if given.attr[_GIVEN_NAME].s.isdigit():  # nobody did
                del given.attr[_GIVEN_NAME]
    # As text, because arguments and nodes have names that are made of those of functions.
    pattern = "|".join(map(re.escape, names))
    text = re.sub(
        rf"({pattern})(?![0-9])", lambda found: names[found[1]], text_format.MessageToString(graph)
    )
    graph.Clear()
    text_format.Parse(text, graph)


def _called(nodes: Iterable[NodeDef], functions: dict[str, FunctionDef]) -> Iterator[str]:
    """Yield the functions that nodes call, each before those that it calls itself."""
    for node in nodes:
        for name in sorted(node.attr):
            if node.attr[name].HasField("func"):
                called = node.attr[name].func.name
                yield called
                yield from _called(functions[called].node_def, functions)
