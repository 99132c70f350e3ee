"""What editors and systems leave in the package changes no hash, no image and no commit."""

from __future__ import annotations

from pathlib import Path

import pytest

from issuesum.lineage.dependencies import hash_all
from issuesum.training.bundle.assemble import copy_code
from projects import ROOT, Project, copy_project

LEFT = (
    ".app.py.swp", "app.py~", "#app.py#", ".DS_Store", "._app.py", "app.py.orig", "app.py.rej",
    "app.py.bak", ".nfs0000", "Thumbs.db", ".ipynb_checkpoints/app-checkpoint.py",
    "__pycache__/app.cpython-312.pyc",
)  # fmt: skip
FOLDERS = ("src/issuesum/serving", "src/issuesum/text", "src/issuesum/training/model", "serving")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = copy_project(tmp_path_factory.mktemp("edited") / "project")
    project.commit("begin")
    return project


def test_git_and_dvc_ignore_them_alike(project: Project) -> None:
    before = hash_all(FOLDERS, project.path)
    for folder in FOLDERS:
        for name in LEFT:
            path = project.path / folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"left")
        (project.path / folder / ".#app.py").symlink_to("ada@host.1234")  # a lock of Emacs
    assert hash_all(FOLDERS, project.path) == before
    assert project.run("git", "status", "--porcelain").stdout == ""
    (project.path / FOLDERS[0] / "new.py").write_text("")
    assert hash_all(FOLDERS, project.path) != before


def test_the_bundle_holds_what_git_tracks_and_nothing_else(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = project.path / "src/issuesum"
    monkeypatch.setattr("issuesum.training.bundle.assemble._PACKAGE", package)
    (package / "text/.#app.py").unlink(missing_ok=True)
    (package / "text/.#app.py").symlink_to("ada@host.1234")
    for name in LEFT:
        for folder in (package / "text", package / "serving/server/page"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(b"left")
    (package / "serving/new.py").unlink(missing_ok=True)
    copy_code(tmp_path, serving=ROOT / "serving", dockerfile=ROOT / "Dockerfile")
    carried = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    tracked = project.run("git", "ls-files", "src/issuesum/serving", "src/issuesum/text").stdout
    expected = {name.removeprefix("src/") for name in tracked.split()}
    assert {name for name in carried if "/serving/" in name or "/text/" in name} == expected
