"""Which part of the code knows which library, and what the image's code may load."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from source_tree import PACKAGE, dotted, imported, modules, parsed, third_party

ANYWHERE = {"numpy", "pydantic", "tqdm", "yaml"}
"""Values and their checks, progress, YAML: what any part may need."""
USERS = {
    # words and tables
    "aiohttp": "corpus",
    "fsspec": "corpus",
    "py3langid": "corpus",
    "scipy": "corpus",
    "dask": "health preprocessing",
    "distributed": "health preprocessing",
    "threadpoolctl": "preprocessing",
    "pyarrow": "corpus preprocessing",
    "pandas": "corpus evaluation report stages",
    # the model: nothing else knows what it was trained with
    "keras": "model stages",
    "tensorflow": "bundle model",
    "dvclive": "model",
    "google": "bundle",
    "onnx": "bundle",
    "tf2onnx": "bundle",
    "onnxruntime": "inference",
    # scores and pictures
    "rouge_score": "evaluation",
    "sacrebleu": "evaluation",
    "sklearn": "evaluation",
    "matplotlib": "corpus evaluation report",
    # Git, DVC, images
    "dvc": "health lineage report retraining",
    "dvc_data": "lineage report retraining",
    "gto": "lineage",
    "ruamel": "retraining",
    "docker": "attestation health image prediction registry",
    "requests": "health image registry",
    "urllib3": "image registry",
    "cryptography": "attestation",
    "cyclonedx": "attestation",
    "packageurl": "attestation",
    "securesystemslib": "attestation release",
    # what a machine lacks
    "botocore": "health",
    "dvc_s3": "health",
    "packaging": "health",
    "psutil": "health",
    "s3fs": "health",
    # people and clients
    "click": "cli messages",
    "flask": "serving web",
    "werkzeug": "serving web",
}
"""By library, the packages that know it. seldon_core is none: only serving/ knows the server."""
IMAGE = ("inference", "serving", "text")
TENSORFLOW = ("issuesum.bundle", "issuesum.model", "issuesum.stages.build", "issuesum.stages.train")


def _package(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def test_each_library_is_known_where_it_is_meant_to_be_and_nowhere_else() -> None:
    known: dict[str, set[str]] = {}
    for path in modules():
        for library in third_party(imported(path)) - ANYWHERE:
            known.setdefault(library, set()).add(_package(path))
    assert known == {library: set(users.split()) for library, users in USERS.items()}


def test_tensorflow_is_reached_only_from_its_stages_and_packages() -> None:
    callers = {
        dotted(path)
        for path in modules()
        if any(name.startswith(TENSORFLOW[:2]) for name in imported(path))
    }
    # The runner asks TF_CONFIG who is the chief; that module loads TensorFlow on a call only.
    assert {name for name in callers if not name.startswith(TENSORFLOW)} == {
        "issuesum.stages.runner"
    }


@pytest.mark.parametrize("package", IMAGE)
def test_the_images_code_imports_only_what_the_image_has(package: str) -> None:
    ours = ("issuesum.errors", *(f"issuesum.{name}" for name in IMAGE))
    for path in modules(package):
        names = imported(path)
        assert third_party(names) <= {"numpy", "onnxruntime", "flask", "werkzeug"}, path
        inner = {name for name in names if name.startswith("issuesum.")}
        assert {name for name in inner if not name.startswith(ours)} == set(), path


def test_every_module_of_the_image_loads_with_its_requirements_alone(root: Path) -> None:
    names = ["issuesum.errors", *(dotted(path) for path in modules(*IMAGE))]
    code = (
        "import importlib, sys\n"
        f"for name in {names}: importlib.import_module(name)\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert {"issuesum", "onnxruntime", "flask"} <= loaded
    pinned = re.findall(
        r"^([a-z0-9._-]+)==", (root / "serving/requirements.txt").read_text("utf-8"), re.MULTILINE
    )
    of = packages_distributions()
    distributions = {
        name: {_normal(each) for each in of[name]} for name in third_party(loaded) & of.keys()
    }
    # coverage measures this process too when the suite is measured.
    strange = {name for name, homes in distributions.items() if not homes & {*pinned, "coverage"}}
    assert strange == set()


def test_only_serving_knows_seldon(root: Path) -> None:
    component = root / "serving/IssueSummarization.py"
    assert "seldon_core" not in {name for path in modules() for name in third_party(imported(path))}
    names = imported(component)
    assert third_party(names) <= {"seldon_core", "google"}
    ours = {name.split(".")[1] for name in names if name.startswith("issuesum.")}
    assert ours <= {"errors", *IMAGE}


def test_modules_are_imported_by_name_in_three_places_alone() -> None:
    """No parser sees these imports: those of verbs, of architectures, and ktext's own."""
    ways = {"importlib", "importlib.import_module", "importlib.util", "pkgutil", "runpy"}
    users = {dotted(path) for path in modules() if ways & imported(path) or _calls_import(path)}
    ktext = "issuesum.preprocessing.ktext_adapter"
    assert users == {"issuesum.cli.group", "issuesum.model.interface", ktext}


def _calls_import(path: Path) -> bool:
    return any(getattr(node, "id", None) == "__import__" for node in ast.walk(parsed(path)))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
