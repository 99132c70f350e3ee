"""dvc.yaml says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from issuesum.stages.params import Params, load_params
from projects import ROOT
from source_tree import imported, parsed

STAGES = tuple(Params.model_fields)

# Cannot change an output: a new error message must not retrain a model (see dvc.yaml).
PLUMBING = {
    "__init__",
    "errors",
    "files",
    "stages/params",
    "console",
    "layout",
    "stages/__init__",
    "stages/runner",
}
# Architectures are imported by the name in train.arch, which no parser of imports can see.
BY_NAME = {
    "training/model/interface": [
        f"issuesum.training.model.architectures.{path.stem}"
        for path in (ROOT / "src/issuesum/training/model/architectures").glob("*.py")
    ]
}


@pytest.fixture(scope="module")
def pipeline(root: Path) -> dict:
    return yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))


def _path(source: Path, module: str) -> Path | None:
    parts = module.split(".")
    if parts[0] != "issuesum":
        return None
    base = source.joinpath(*parts[1:])
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _imports(source: Path, path: Path) -> set[Path]:
    by_name = BY_NAME.get(path.relative_to(source).with_suffix("").as_posix(), [])
    names = imported(path).union(by_name)
    return {found for name in names if (found := _path(source, name))}


def _closure(source: Path, start: Path) -> set[Path]:
    seen: set[Path] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(source).with_suffix("").as_posix()
        if path not in seen and name not in PLUMBING and len(parsed(path).body) > 1:
            seen.add(path)
            waiting += _imports(source, path)
    return seen


def test_it_has_the_stages_of_params_in_their_order(pipeline: dict) -> None:
    assert tuple(pipeline["stages"]) == STAGES


def _code_deps(root: Path, pipeline: dict, stage: str) -> list[Path]:
    return [root / dep for dep in pipeline["stages"][stage]["deps"] if dep.startswith("src/")]


@pytest.mark.parametrize("stage", STAGES)
def test_deps_cover_every_module_that_the_stage_imports(
    stage: str, root: Path, pipeline: dict
) -> None:
    source = root / "src/issuesum"
    deps = _code_deps(root, pipeline, stage)
    imported = _closure(source, source / f"stages/{stage}.py")
    if stage == "build":  # copies these into the bundle
        imported |= {source / "__init__.py", source / "errors.py", source / "registry/labels.py"}
        imported |= set((source / "serving").rglob("*.py"))
    missing = {path for path in imported if not any(path.is_relative_to(dep) for dep in deps)}
    code = [dep for dep in deps if dep.suffix in {"", ".py"}]  # of other files see below
    unused = {dep for dep in code if not any(path.is_relative_to(dep) for path in imported)}
    assert (missing, unused) == (set(), set())


def _named_in(path: Path) -> set[Path]:
    """Return the files next to or below a module, or a template, that it names."""
    text = path.read_text(encoding="utf-8")
    folder = path.parent.parent if path.parent.name == "templates" else path.parent
    others = [each for each in folder.rglob("*.*") if each.suffix not in {".py", ".pyc"}]
    return {each for each in others if re.search(rf"""["'/]{re.escape(each.name)}["']""", text)}


@pytest.mark.parametrize("stage", STAGES)
def test_deps_cover_every_file_that_these_modules_read(
    stage: str, root: Path, pipeline: dict
) -> None:
    source = root / "src/issuesum"
    deps = _code_deps(root, pipeline, stage)
    read: set[Path] = set()
    waiting = _closure(source, source / f"stages/{stage}.py")
    while waiting:
        found = _named_in(waiting.pop()) - read
        read |= found
        waiting |= found
    assert {path for path in read if not any(path.is_relative_to(dep) for dep in deps)} == set()
    if stage == "preprocess":  # or the search finds nothing at all
        assert "style.css" in {path.name for path in read}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_versions_of_its_libraries(stage: str, pipeline: dict) -> None:
    deps = pipeline["stages"][stage]["deps"]
    assert [dep for dep in deps if dep.startswith("locks/")] == [f"locks/{stage}.txt"]
    # pip installs from it when the image is built.
    assert ("serving/requirements.txt" in deps) == (stage in {"build", "export"})


def test_a_change_of_what_only_verbs_do_leaves_export_alone(root: Path, pipeline: dict) -> None:
    source = root / "src/issuesum"
    verbs = (
        "provenance",
        "jobs",
        "diff",
        "verify",
        "restore",
        "report",
        "predict",
        "serve",
        "release",
        "retrain",
    )
    used = {path for verb in verbs for path in _closure(source, source / f"cli/{verb}.py")}
    only = used - _closure(source, source / "stages/export.py")
    names = {path.relative_to(source).as_posix() for path in only}
    assert names >= {
        "lineage/runs/jobs.py",
        "lineage/reporting/image_difference.py",
        "lineage/provenance/trace.py",
        "shipping/attestation/verification.py",
        "shipping/image/contents.py",
        "shipping/local_server.py",
    }
    assert not [path for dep in _code_deps(root, pipeline, "export") for path in only
                if path.is_relative_to(dep)]  # fmt: skip


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_is_its_module_and_depends_on_its_own_params(
    stage: str, pipeline: dict
) -> None:
    entry = pipeline["stages"][stage]
    assert entry["cmd"] == f"sh tools/stage {stage}"
    assert entry["params"] == [stage]
    assert stage in Params.model_fields


def test_the_committed_params_are_valid(root: Path) -> None:
    load_params(root / "params.yaml")


def test_receipt_is_never_restored_from_the_run_cache(pipeline: dict) -> None:
    assert pipeline["stages"]["export"]["outs"] == [
        {"serving/attestations": {"persist": True}},
        {"serving/image.json": {"cache": False, "persist": True}},
    ]
