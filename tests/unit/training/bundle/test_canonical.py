"""Graphs that compute the same in the same way become the same bytes."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from issuesum.training.bundle.canonical import canonicalise


def _loop(prefix: str, *, copy_first: bool, reverse: bool) -> onnx.ModelProto:
    """Return a model that adds `step` to a state three times and collects the states.

    State and collected value are one tensor, so one of the two outputs must be a copy; which one,
    all names and the order of independent nodes are the caller's.
    """

    def name(what: str) -> str:
        return f"{prefix}{what}"

    state, seen = (name("copy"), name("sum")) if copy_first else (name("sum"), name("copy"))
    body = helper.make_graph(
        [
            helper.make_node("Identity", [name("go")], [name("go_on")], name=name("a")),
            helper.make_node("Add", [name("before"), name("step")], [name("sum")], name=name("b")),
            helper.make_node("Identity", [name("sum")], [name("copy")], name=name("c")),
        ],
        name("body"),
        [
            helper.make_tensor_value_info(name("i"), TensorProto.INT64, []),
            helper.make_tensor_value_info(name("go"), TensorProto.BOOL, []),
            helper.make_tensor_value_info(name("before"), TensorProto.FLOAT, [name("axis")]),
        ],
        [
            helper.make_tensor_value_info(name("go_on"), TensorProto.BOOL, []),
            helper.make_tensor_value_info(state, TensorProto.FLOAT, [name("axis")]),
            helper.make_tensor_value_info(seen, TensorProto.FLOAT, [name("axis")]),
        ],
    )
    nodes = [
        helper.make_node("Neg", ["x"], [name("less")], name=name("d")),
        helper.make_node("Abs", [name("less")], [name("step")], name=name("e")),
        helper.make_node("Sqrt", ["x"], [name("unused")], name=name("f")),
    ]
    nodes = [nodes[2], *nodes[:2]] if reverse else nodes
    loop = helper.make_node(
        "Loop", [name("three"), name("yes"), "x"], ["last", "all"], name=name("g"), body=body
    )
    constants = [
        numpy_helper.from_array(np.array(3, np.int64), name("three")),
        numpy_helper.from_array(np.array(True), name("yes")),
        numpy_helper.from_array(np.array(5.0, np.float32), name("nobody's")),
    ]
    graph = helper.make_graph(
        [*nodes, loop],
        name("main"),
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [name("axis")])],
        [
            helper.make_tensor_value_info("last", TensorProto.FLOAT, [name("axis")]),
            helper.make_tensor_value_info("all", TensorProto.FLOAT, [3, name("axis")]),
        ],
        constants[::-1] if reverse else constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def _run(model: onnx.ModelProto) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(["last", "all"], {"x": np.array([1, -2], np.float32)})


def test_names_order_and_the_choice_of_copies_do_not_matter() -> None:
    models = [
        _loop("p", copy_first=True, reverse=False),
        _loop("quite_other_", copy_first=False, reverse=True),
        _loop("t", copy_first=False, reverse=False),
    ]
    made = [canonicalise(model) for model in models]
    assert len({model.SerializeToString(deterministic=True) for model in made}) == 1
    onnx.checker.check_model(made[0], full_check=True)
    assert [value.name for value in made[0].graph.output] == ["last", "all"]
    assert len(made[0].graph.initializer) == 2
    assert "Sqrt" not in {node.op_type for node in made[0].graph.node}


def test_it_computes_the_same() -> None:
    model = _loop("p", copy_first=True, reverse=True)
    before, after = _run(model), _run(canonicalise(model))
    np.testing.assert_array_equal(before[0], [4, 4])
    np.testing.assert_array_equal(before[1], [[2, 0], [3, 2], [4, 4]])
    for expected, found in zip(before, after, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_another_computation_stays_another() -> None:
    model = _loop("p", copy_first=True, reverse=False)
    other = _loop("p", copy_first=True, reverse=False)
    other.graph.node[0].op_type = "Exp"
    assert canonicalise(model).SerializeToString() != canonicalise(other).SerializeToString()


def test_its_own_form_is_left_as_it_is() -> None:
    once = canonicalise(_loop("p", copy_first=True, reverse=False))
    assert canonicalise(once).SerializeToString() == once.SerializeToString()


def _sliced(*, start: int = 0, end: int = 10**9, step: int = 1) -> onnx.ModelProto:
    """Return a model that gives the absolute values of a slice of `x`."""
    values = {"starts": start, "ends": end, "axes": 0, "steps": step}
    vector = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])
    graph = helper.make_graph(
        [
            helper.make_node("Slice", ["x", *values], ["part"]),
            helper.make_node("Abs", ["part"], ["y"]),
        ],
        "graph",
        [vector],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["m"])],
        [numpy_helper.from_array(np.array([of], np.int32), name) for name, of in values.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def test_a_slice_that_takes_everything_is_left_out() -> None:
    made = canonicalise(_sliced())
    assert [node.op_type for node in made.graph.node] == ["Abs"]
    assert not made.graph.initializer


@pytest.mark.parametrize("part", [{"start": 1}, {"end": 2}, {"step": 2}, {"start": -1, "step": -1}])
def test_any_other_slice_is_kept(part: dict[str, int]) -> None:
    assert len(canonicalise(_sliced(**part)).graph.node) == 2
