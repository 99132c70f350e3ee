"""Arrows between packages point one way, and the image's code stays light."""

from __future__ import annotations

import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

from source_tree import imported

LIBRARY = (
    "attestation", "corpus", "text", "preprocessing", "model", "inference", "evaluation",
    "health", "prediction", "bundle", "image", "lineage", "manifests", "registry", "serving", "web",
    "difference", "report", "retraining", "release",
)  # fmt: skip
HEAVY = (
    "tensorflow", "keras", "dvc", "dvclive", "pandas", "pyarrow", "sklearn", "ktext", "docker",
    "dask", "distributed", "matplotlib", "py3langid", "flask",
)  # fmt: skip


def _imported(path: Path) -> set[str]:
    return {name for name in imported(path) if name.startswith("issuesum.")}


@pytest.mark.parametrize("package", LIBRARY)
def test_library_imports_neither_stages_nor_cli_nor_params(package: str, root: Path) -> None:
    above = ("issuesum.stages", "issuesum.cli", "issuesum.params")
    for path in (root / "src/issuesum" / package).rglob("*.py"):
        wrong = {name for name in _imported(path) if name.startswith(above)}
        assert not wrong, f"{path.relative_to(root)} imports {wrong}"


def _arrows(root: Path) -> set[tuple[str, str]]:
    """Return which package of the library imports which other."""
    return {
        (package, name.split(".")[1])
        for package in LIBRARY
        for path in (root / "src/issuesum" / package).rglob("*.py")
        for name in _imported(path)
        if name.split(".")[1] in LIBRARY and name.split(".")[1] != package
    }


def test_arrows_between_packages_never_lead_back(root: Path) -> None:
    above: dict[str, set[str]] = {package: set() for package in LIBRARY}
    for package, used in _arrows(root):
        above[package].add(used)
    assert set(TopologicalSorter(above).static_order()) == set(LIBRARY)


def test_the_drawn_arrows_are_those_of_the_code(root: Path) -> None:
    page = (root / "docs/architecture.md").read_text(encoding="utf-8")
    drawing = page.split("```mermaid")[1].split("```")[0]
    drawn = set(re.findall(r"^ *(\w+) --> (\w+)$", drawing, re.MULTILINE))
    outside = {"cli", "stages", "libraries", "params", "errors"}
    assert {arrow for arrow in drawn if not outside & set(arrow)} == _arrows(root)
    assert set(re.findall(r"^ {8}(\w+)$", drawing, re.MULTILINE)) == set(LIBRARY)


def test_what_the_image_carries_imports_nothing_heavy() -> None:
    code = (
        "import sys, issuesum.inference.writer, issuesum.text.features; "
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "onnxruntime" in loaded
    assert not set(HEAVY) & set(loaded)


def test_ktext_is_touched_by_one_module_and_loads_neither_keras_nor_tensorflow(root: Path) -> None:
    users = [
        path.relative_to(root / "src").as_posix()
        for path in (root / "src").rglob("*.py")
        if "ktext.preprocess" in path.read_text(encoding="utf-8")
    ]
    assert users == ["issuesum/preprocessing/ktext_adapter.py"]
    code = (
        "import sys; from issuesum.preprocessing.ktext_adapter import make_processor; "
        "from issuesum.preprocessing.fields import FieldSettings; "
        "make_processor(FieldSettings(5, 4, 'pre', append_indicators=False)); "
        "print('ktext.preprocess' in sys.modules, 'keras' in sys.modules, "
        "'tensorflow' in sys.modules, 'textacy' in sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == ["True", "False", "False", "False"]


def test_help_imports_no_heavy_module() -> None:
    code = (
        "import sys, contextlib\n"
        "from issuesum.cli import main\n"
        "sys.argv = ['issuesum', '--help']\n"
        "with contextlib.suppress(SystemExit): main()\n"
        "print('LOADED', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "ingest" in done.stdout
    loaded = done.stdout.split("LOADED")[1].split()
    assert not {*HEAVY, "onnxruntime", "numpy", "pydantic"} & set(loaded)


def test_modules_are_small(root: Path) -> None:
    sizes = {
        path.relative_to(root).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in (root / "src").rglob("*.py")
    }
    assert {name: size for name, size in sizes.items() if size > 300} == {}
    assert median(sizes.values()) <= 100
    stages = {
        name: size
        for name, size in sizes.items()
        if name.startswith("src/issuesum/stages/") and size > 100
    }
    assert stages == {}
