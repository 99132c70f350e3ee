"""Fixtures that more than one kind of test needs."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import settings

from projects import ROOT, TINY, Project, copy_project, merge

# Tests that import onnxruntime themselves send nothing to Microsoft either.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# A first example pays for imports, and these machines are shared: time is no verdict here.
settings.register_profile("issuesum", deadline=None)
settings.load_profile("issuesum")


# Files that take minutes, the longest first. Of these only the first waits for `finished`.
_LONGEST = (
    "test_retrain_on_push", "test_training_image", "test_training", "test_export_faults",
    "test_serving_container", "test_ship", "test_restore", "test_experiments",
    "test_same_image", "test_new_architecture", "test_killed_runs",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put slow tests first: at the end, one would keep one worker while the others idle."""
    places = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(
        key=lambda item: (
            item.get_closest_marker("slow") is None,
            places.get(item.path.stem, len(places)),
        )
    )


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the root of the repository under test."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real data and schemas next to the repository, or skip."""
    folder = Path(os.environ.get("ISSUESUM_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist (set ISSUESUM_SHARED)")
    return folder


@pytest.fixture(scope="session")
def tiny_params() -> str:
    """Return params.yaml with the values of TINY."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    return yaml.safe_dump(merge(params, TINY), sort_keys=False)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_params: str) -> Project:
    """Return a project whose stages up to evaluate have run, to be copied and not to be changed.

    All workers share the one that the first of them makes.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    project = Project(folder / "finished/project")
    done = folder / "finished/done"
    with (folder / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            copy_project(project.path)
            (project.path / "params.yaml").write_text(tiny_params, encoding="utf-8")
            project.issuesum("sample", "--rows", "300", "--force")
            project.commit("begin")
            # With another seed of sets, a test of build must give the same bytes. What libraries
            # keep for the user lies in a folder of its own, and a test looks into it.
            shown = {"CI": "", "ORT_DISABLE_TELEMETRY": "", "XDG_CACHE_HOME": str(folder / "cache")}
            project.repro("evaluate", PYTHONHASHSEED="1", **shown)
            project.commit("run")
            done.touch()
    return project
