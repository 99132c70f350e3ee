"""Imports between packages point one way, and each heavy library is known in few places."""

from __future__ import annotations

import re
import subprocess
import sys
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from projects import ROOT
from source_tree import PACKAGE, dotted, imported, imported_at_once, modules, third_party

LAYERS = (
    ("cli",),
    ("stages",),
    ("automation",),
    ("shipping",),
    ("lineage",),
    ("training",),
    ("serving",),
    ("text", "registry"),
    ("layout", "files", "console"),
    ("errors",),
)
"""From the top down: a module imports from its own package and from layers below."""
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
IN_THE_IMAGE = ("serving", "text", "registry/labels.py", "errors.py")
ONLY_IN = {
    "tensorflow": {"training", "stages"},
    "keras": {"training", "stages"},
    "tf2onnx": {"training"},
    "onnxruntime": {"serving"},
    "docker": {"shipping", "registry", "automation"},
    "dvc": {"lineage", "automation", "training"},  # there for the file system of its remote
    "gto": {"lineage"},
    "jinja2": {"lineage", "shipping"},
    "securesystemslib": {"shipping"},
    "cyclonedx": {"shipping"},
    "click": {"cli", "console"},
    "flask": {"serving"},
    "distributed": {"training", "automation"},
}
"""By library, the packages that may import it."""


def _top(name: str) -> str:
    return name.split(".")[1]


def _inner(path: Path) -> set[str]:
    return {name for name in imported(path) if name.startswith("issuesum.")}


def _image_modules() -> list[Path]:
    paths = [PACKAGE / name for name in IN_THE_IMAGE]
    return [path for each in paths for path in (each.rglob("*.py") if each.is_dir() else [each])]


def test_every_package_has_a_layer() -> None:
    entries = {path.stem for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    assert entries - {"__init__"} == set(RANK)


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_imports_point_down(path: Path) -> None:
    own = _top(f"{dotted(path)}.")
    wrong = {
        name for name in _inner(path)
        if own and _top(name) != own and RANK[_top(name)] <= RANK[own]
    }  # fmt: skip
    assert wrong == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    names = {dotted(path) for path in modules()}
    graph = {dotted(path): _inner(path) & names - {dotted(path)} for path in modules()}
    assert set(TopologicalSorter(graph).static_order()) == names


@pytest.mark.parametrize("package", ["shipping", "lineage"])
def test_shipping_and_lineage_work_for_any_pipeline(package: str) -> None:
    """They know nothing of the model; reporting, which shows its scores, does."""
    of_the_model = ("issuesum.training", "issuesum.serving")
    for path in modules(package):
        if "reporting" not in path.parts:
            assert {name for name in _inner(path) if name.startswith(of_the_model)} == set(), path


def test_libraries_are_imported_where_they_belong() -> None:
    found = {
        (library, _top(dotted(path)))
        for path in modules()
        if dotted(path) != "issuesum"
        for library in third_party(imported(path)) & set(ONLY_IN)
    }
    assert {library for library, _ in found} == set(ONLY_IN)
    assert {(library, user) for library, user in found if user not in ONLY_IN[library]} == set()


def test_tensorflow_is_reached_only_from_training_and_two_stages() -> None:
    packages = ("issuesum.training.bundle", "issuesum.training.model")
    allowed = (*packages, "issuesum.stages.build", "issuesum.stages.train")
    users = {
        dotted(path)
        for path in modules()
        if any(name.startswith(packages) for name in imported(path))
    }
    # The runner asks TF_CONFIG who is the chief; that module loads TensorFlow only when called.
    assert {name for name in users if not name.startswith(allowed)} == {"issuesum.stages.runner"}


def test_code_of_the_image_imports_only_what_the_image_has() -> None:
    ours = {dotted(path) for path in _image_modules()}
    for path in _image_modules():
        assert third_party(imported(path)) <= {"numpy", "onnxruntime", "flask", "werkzeug"}, path
        names = {name for name in _inner(path) if (PACKAGE.parent / _file(name)).is_file()}
        assert names <= ours, path


def _file(name: str) -> str:
    return f"{name.replace('.', '/')}.py"


def test_code_of_the_image_loads_with_its_requirements_alone() -> None:
    names = [dotted(path) for path in _image_modules()]
    code = (
        "import importlib, sys\n"
        f"for name in [*{names}, 'onnxruntime']: importlib.import_module(name)\n"  # when it loads
        "print(*sys.modules)"
    )
    loaded = {name.split(".")[0] for name in _printed(code).split()}
    assert {"issuesum", "onnxruntime", "flask"} <= loaded
    pinned = re.findall(
        r"^([a-z0-9._-]+)==", (ROOT / "serving/requirements.txt").read_text("utf-8"), re.MULTILINE
    )
    of = packages_distributions()
    distributions = {
        name: {re.sub(r"[-_.]+", "-", each).lower() for each in of[name]}
        for name in third_party(loaded) & of.keys()
    }
    # coverage measures this process too when the suite is measured.
    strange = {name for name, homes in distributions.items() if not homes & {*pinned, "coverage"}}
    assert strange == set()


def test_only_the_component_knows_seldon() -> None:
    names = imported(ROOT / "serving/IssueSummarization.py")
    assert "seldon_core" not in {name for path in modules() for name in third_party(imported(path))}
    assert third_party(names) <= {"seldon_core", "google"}


def test_ktext_is_imported_by_one_module_and_loads_neither_keras_nor_tensorflow() -> None:
    users = [path for path in modules() if "ktext.preprocess" in path.read_text(encoding="utf-8")]
    assert [path.stem for path in users] == ["ktext_adapter"]
    code = (
        f"import sys; from {dotted(users[0])} import FieldSettings, number_words; "
        "number_words({'a': 1}, FieldSettings(5, 4, 'pre', append_indicators=False)); "
        "print(*({'ktext', 'keras', 'tensorflow', 'textacy'} & set(sys.modules)))"
    )
    assert _printed(code).split() == ["ktext"]


def test_onnxruntime_is_imported_where_its_telemetry_is_off() -> None:
    users = [dotted(path) for path in modules() if "onnxruntime" in third_party(imported(path))]
    assert users == ["issuesum.serving.inference.graphs"]
    assert not [path for path in modules() if "onnxruntime" in imported_at_once(path)]


def _printed(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
