"""A bundle's `model` folder with real ONNX graphs of a few hundred weights, made without Keras."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

from issuesum.serving.inference.rules import DECODING, Decoding
from issuesum.text.features import BODY_VOCABULARY, TITLE_VOCABULARY
from issuesum.text.tokens import END, START
from issuesum.text.vocabulary import UNKNOWN, Vocabulary

BODY = Vocabulary(("the", "app", "crashes", "on", "start"), 6, "pre", append_indicators=False)
TITLE = Vocabulary(
    (START, END, "app", "crash", "on", "start", "fix", "error"), 6, "post", append_indicators=True
)
DEFAULT = Decoding(beam_width=3, length_penalty=0.9, min_words=2, max_words=5, no_repeat=2)
_UNITS = 8


def write_bundle(
    folder: Path, *, copies: bool = True, settings: Decoding = DEFAULT, seed: int = 0
) -> Path:
    """Write graphs, vocabularies and settings; a model that copies does so half of the time."""
    BODY.save(folder / BODY_VOCABULARY)
    TITLE.save(folder / TITLE_VOCABULARY)
    settings.save(folder / DECODING)
    draw = np.random.default_rng(seed)
    size, places = TITLE.size, BODY.maxlen

    def weights(name: str, *shape: int) -> TensorProto:
        # So large that some words are much more probable than others.
        values = draw.normal(0, 2, shape).astype(np.float32)
        return numpy_helper.from_array(values, name)

    def constant(name: str, values: object, dtype: type) -> TensorProto:
        return numpy_helper.from_array(np.array(values, dtype), name)

    node = helper.make_node
    words = [("body_extended", TensorProto.INT32, ("n", places))] if copies else []
    sharing = [
        node("Identity", ["body_extended"], ["shared_words"]),
        node("Shape", ["body"], ["axis"], start=0, end=1),
        node("Squeeze", ["axis"], ["rows"]),
        node("Range", ["int0", "rows", "int1"], ["body_number"]),
    ]
    state = [
        ("shared_words", TensorProto.INT32, ("bodies", places)),
        ("body_number", TensorProto.INT64, ("numbers",)),
    ] * copies
    _save(
        folder / "encoder.onnx",
        [
            node("Gather", ["body_table", "body"], ["read"]),
            node("ReduceMean", ["read", "one"], ["hidden"], keepdims=0),
            *(sharing if copies else []),
        ],
        [("body", TensorProto.INT32, ("n", places)), *words],
        [
            ("hidden", TensorProto.FLOAT, ("n", _UNITS)),
            *state,
        ],
        [
            weights("body_table", BODY.size, _UNITS),
            constant("one", [1], np.int64),
            *(constant(f"int{of}", of, np.int64) for of in range(2)),
        ],
    )
    copying = [
        node("Gather", ["shared_words", "body_number"], ["words"]),
        node("MatMul", ["next_hidden", "attend"], ["energy"]),
        node("Cast", ["words"], ["is_word"], to=TensorProto.BOOL),
        node("Where", ["is_word", "energy", "never"], ["masked"]),
        node("Softmax", ["masked"], ["attention"]),
        node("Unsqueeze", ["attention", "last"], ["columns"]),
        node("Cast", ["words"], ["places"], to=TensorProto.INT64),
        node("OneHot", ["places", "outputs", "off_on"], ["spread"]),
        node("Transpose", ["spread"], ["across"], perm=[0, 2, 1]),
        node("MatMul", ["across", "columns"], ["copied"]),
        node("Squeeze", ["copied", "last"], ["copied_flat"]),
        node("Pad", ["generated", "pads"], ["padded"]),
        node("Add", ["padded", "copied_flat"], ["twice"]),
        node("Mul", ["twice", "half"], ["mixed"]),
    ]
    _save(
        folder / "decoder.onnx",
        [
            node("Less", ["previous", "size"], ["is_known"]),
            node("Where", ["is_known", "previous", "unknown"], ["known"]),
            node("Gather", ["title_table", "known"], ["word"]),
            node("MatMul", ["hidden", "recurrent"], ["kept"]),
            node("Add", ["kept", "word"], ["sum"]),
            node("Tanh", ["sum"], ["next_hidden"]),
            node("MatMul", ["next_hidden", "output"], ["logits"]),
            node("Softmax", ["logits"], ["generated"]),
            *(copying if copies else [node("Identity", ["generated"], ["mixed"])]),
            node("Add", ["mixed", "tiny"], ["probabilities"]),
        ],
        [
            ("previous", TensorProto.INT32, ("n",)),
            ("hidden", TensorProto.FLOAT, ("n", _UNITS)),
            *state,
        ],
        [
            ("probabilities", TensorProto.FLOAT, ("n", size + places if copies else size)),
            ("next_hidden", TensorProto.FLOAT, ("n", _UNITS)),
            *([("attention", TensorProto.FLOAT, ("n", places))] if copies else []),
        ],
        [
            weights("title_table", size, _UNITS),
            weights("recurrent", _UNITS, _UNITS),
            weights("output", _UNITS, size),
            weights("attend", _UNITS, places),
            constant("size", size, np.int32),
            constant("unknown", UNKNOWN, np.int32),
            constant("never", -1e9, np.float32),
            constant("last", [2], np.int64),
            constant("outputs", size + places, np.int64),
            constant("off_on", [0, 1], np.float32),
            constant("pads", [0, 0, 0, places], np.int64),
            constant("half", 0.5, np.float32),
            constant("tiny", 1e-12, np.float32),
        ],
    )
    return folder


def _save(path: Path, nodes: list, inputs: list, outputs: list, initializers: list) -> None:
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        [tensor for tensor in initializers if tensor.name in used],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    checker.check_model(model, full_check=True)
    save(model, path)
