"""What the image carries is data and plain code: nothing in it is run because a file says so."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest

from projects import ROOT
from toy_bundle import write_bundle

SOURCE = ROOT / "src/issuesum"
CARRIED = sorted(
    [
        *(path for part in ("serving", "text") for path in (SOURCE / part).rglob("*.py")),
        SOURCE / "__init__.py",
        SOURCE / "errors.py",
        SOURCE / "registry/labels.py",
        ROOT / "serving/IssueSummarization.py",
    ]
)
UNPACKS_CODE = {"pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib", "ctypes", "yaml"}
RUNS_TEXT = {"eval", "exec", "compile", "__import__", "system", "popen", "execv", "import_module"}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else None
            name = node.func.id if isinstance(node.func, ast.Name) else name
            if name:
                yield name, node


def imported(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def faults(source: str) -> list[str]:
    """Return what would run or unpack code, or what a test cannot see through."""
    tree = ast.parse(source)
    found = sorted(imported(tree) & UNPACKS_CODE)
    for name, call in calls(tree):
        given = {word.arg: ast.unparse(word.value) for word in call.keywords}
        whose = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        if name in RUNS_TEXT and whose != "re":
            found.append(name)
        if "shell" in given:
            found.append("shell")
        if whose in {"np", "numpy"} and name == "load" and given.get("allow_pickle") != "False":
            found.append("np.load")
    return found


@pytest.mark.parametrize("path", CARRIED, ids=lambda path: path.stem)
def test_it_neither_unpickles_nor_evaluates(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    ["import pickle", "from yaml import load", "eval(x)", "os.system(x)", "np.load(x)",
     "np.load(x, allow_pickle=True)", "subprocess.run(x, shell=True)",
     "importlib.import_module(x)"],
)  # fmt: skip
def test_it_would_be_found(source: str) -> None:
    assert len(faults(source)) == 1


def test_no_array_of_this_repository_is_unpickled(root: Path) -> None:
    for path in (root / "src").rglob("*.py"):
        assert "np.load" not in faults(path.read_text(encoding="utf-8")), path


def nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from nodes(inner)


@pytest.mark.parametrize("name", ["encoder.onnx", "decoder.onnx"])
def test_graphs_need_no_other_file_and_no_library_of_operators(tmp_path: Path, name: str) -> None:
    model = onnx.load(write_bundle(tmp_path) / name, load_external_data=False)
    assert {node.domain for node in nodes(model.graph)} == {""}
    assert not any(tensor.external_data for tensor in model.graph.initializer)


def test_a_graph_that_reads_a_file_elsewhere_is_not_loaded(tmp_path: Path) -> None:
    from issuesum.errors import ArtifactError
    from issuesum.serving.inference.graphs import Graphs

    (tmp_path / "model").mkdir()
    folder = write_bundle(tmp_path / "model")
    model = onnx.load(folder / "encoder.onnx")
    tensor = model.graph.initializer[0]
    (tmp_path / "secret").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret")
    (folder / "encoder.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ArtifactError, match="must be an ONNX graph") as refused:
        Graphs(folder)
    assert "escapes model directory" in str(refused.value)
