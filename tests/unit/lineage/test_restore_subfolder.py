"""A project in a folder of a larger repository comes back with what is next to it."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

import provenances
from issuesum.errors import ArtifactError
from issuesum.layout import RECEIPT
from issuesum.lineage import git
from issuesum.lineage.provenance.lookup import Found
from issuesum.lineage.restore.restoring import restore
from issuesum.lineage.tag import dirty_patch
from projects import Project
from provenances import METRICS

# DVC 3 asks its tries of paths in a way that they are about to give up.
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")

FOLDER = "teams/titles"
STAGES = {
    "evaluate": {
        "cmd": "cp params.yaml models; cp eval/given.json eval/metrics.json",
        "deps": ["params.yaml"],
        "outs": ["models", {"eval/metrics.json": {"cache": False}}],
    }
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project that has run, whose data is in a remote and whose code is not committed."""
    folder = tmp_path_factory.mktemp("subfolder")
    top = Project(folder / "all")
    made = Project(top.path / FOLDER)
    (made.path / "eval").mkdir(parents=True)
    (top.path / "neighbour.txt").write_text("of another team\n")
    (made.path / "params.yaml").write_text("train: {epochs: 3}\n")
    (made.path / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}))
    (made.path / "eval/given.json").write_text(
        json.dumps(METRICS, ensure_ascii=False, indent=2) + "\n"
    )
    top.init()
    with Repo.init(str(made.path), subdir=True) as repo, repo.config.edit() as settings:
        settings["core"]["remote"] = "storage"
        settings["remote"]["storage"] = {"url": str(folder / "remote")}
    made.commit("code")
    made.repro()
    with Repo(str(made.path)) as repo:
        repo.push()
    (made.path / "src").mkdir()
    (made.path / "src/later.py").write_text("LATER = 1\n")  # makes the image's tag dirty
    return made


def _image_of(project: Project, **changes: object) -> Found:
    """Return what an image of the tree as it is now records."""
    patch = dirty_patch(project.path)
    stated = {
        "sha256": hashlib.sha256(patch).hexdigest(),
        "base64": base64.b64encode(patch).decode(),
    }
    values = provenances.provenance(
        commit=git.head(project.path), folder=git.prefix(project.path).rstrip("/"),
        lock=(project.path / "dvc.lock").read_text(), remote=None, dirty=bool(patch),
        patch=stated if patch else None,
    )  # fmt: skip
    return provenances.found(values | changes)


@pytest.mark.parametrize("clone", [False, True])
def test_code_data_and_what_was_not_committed_come_back(
    project: Project, tmp_path: Path, *, clone: bool
) -> None:
    top = project.path.parents[1]
    found, back = _image_of(project), tmp_path / "back"
    source = str(top) if clone else None
    done = restore(found, back, here=project.path, source=source)
    assert (done.root, done.owner) == (back / FOLDER, None if clone else top)
    assert (done.lost, done.stale) == ([], [])
    assert (back / "neighbour.txt").read_text() == "of another team\n"
    assert (done.root / "src/later.py").read_text() == "LATER = 1\n"
    for name in ("models", "eval/metrics.json", "dvc.lock"):
        assert (done.root / name).read_bytes() == (project.path / name).read_bytes(), name
    assert (done.root / RECEIPT).exists()
    assert dirty_patch(done.root) == dirty_patch(project.path)
    assert not (back / ".dvc").exists()


@pytest.mark.parametrize("folder", [None, "teams", "../.."])
def test_a_folder_without_a_project_is_refused_and_nothing_is_left(
    project: Project, tmp_path: Path, folder: str | None
) -> None:
    found, back = _image_of(project, folder=folder), tmp_path / "back"
    with pytest.raises(ArtifactError, match="must hold the project"):
        restore(found, back, here=project.path)
    assert not back.exists()
    assert str(back) not in project.run("git", "worktree", "list").stdout
