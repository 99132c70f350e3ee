"""Git and DVC, in repositories of a test's own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import yaml

from issuesum.automation.doctor.machine import raw_bytes
from issuesum.automation.doctor.pipeline import pipeline, raw_data, remote
from issuesum.automation.doctor.repository import identity, repository
from issuesum.errors import RepositoryError
from issuesum.lineage import tracking
from projects import Project, copy_project

RAW = Path("data/raw/github_issues.csv")


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a clean copy of this repository whose remote is a folder."""
    project = copy_project(tmp_path_factory.mktemp("health") / "project")
    project.edit(".dvc/config", lambda text: text.replace("s3://issuesum/dvc", "../../shelf"))
    project.commit("begin")
    return project


@pytest.fixture
def project(committed: Project, tmp_path: Path) -> Project:
    return committed.copy(tmp_path / "project")


@pytest.fixture(autouse=True)
def _no_git_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for name in list(os.environ):
        if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER")):
            monkeypatch.delenv(name)


def test_a_dirty_tree_is_noted(project: Project) -> None:
    clean = repository(project.path)
    assert clean.status == "ok"
    assert project.run("git", "rev-parse", "HEAD").stdout[:12] in clean.found
    project.edit("params.yaml", lambda text: text + "# more\n")
    dirty = repository(project.path)
    assert dirty.status == "note"
    assert "params.yaml differ" in dirty.found


def test_a_folder_outside_of_repositories_is_told(tmp_path: Path) -> None:
    assert repository(tmp_path).status == "fail"
    assert pipeline(tmp_path).status == "fail"
    assert raw_data(tmp_path, RAW).status == remote(tmp_path).status == "note"


def test_a_repository_without_a_commit_is_refused(tmp_path: Path) -> None:
    Project(tmp_path).run("git", "init", "--quiet")
    with pytest.raises(RepositoryError, match="with a commit"):
        repository(tmp_path)


def test_who_commits(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = identity(project.path)
    assert nobody.status == "note"
    assert "no user.name and user.email" in nobody.found
    project.run("git", "config", "user.name", "Ada")
    assert "no user.email:" in identity(project.path).found
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "ada@example.com")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "ada@example.com")
    assert identity(project.path).found == "Ada <ada@example.com>"


def test_the_pipeline_is_read(project: Project) -> None:
    found = pipeline(project.path)
    assert found.status == "ok"
    assert "6 stages in dvc.yaml, 0 of them in dvc.lock" in found.found


@pytest.mark.parametrize("name", ["dvc.lock", "dvc.yaml", ".dvc/config"])
def test_marks_of_a_merge_are_told(name: str, project: Project) -> None:
    (project.path / name).write_text("<<<<<<< HEAD\n=======\n>>>>>>> theirs\n")
    with pytest.raises(RepositoryError, match=r"dvc\.lock must be whole|must be able to read"):
        pipeline(project.path)


def test_the_raw_data_is_looked_for_here_in_the_cache_and_in_the_remote(project: Project) -> None:
    shelf = project.path.parent / "shelf"
    lost = raw_data(project.path, RAW)
    assert (lost.status, raw_bytes(project.path, RAW)) == ("fail", 2537199)
    assert "neither here nor in the remote" in lost.found
    (project.path / RAW).write_text("rows")
    md5 = tracking.md5(project.path / RAW)
    pointer = {"outs": [{"md5": md5, "size": 4, "hash": "md5", "path": RAW.name}]}
    (project.path / f"{RAW}.dvc").write_text(yaml.safe_dump(pointer))
    for store in (shelf, project.path / ".dvc/cache"):
        held = store / "files/md5" / md5[:2] / md5[2:]
        held.parent.mkdir(parents=True)
        shutil.copy2(project.path / RAW, held)
    here = raw_data(project.path, RAW)
    assert here.status == "ok"
    (project.path / RAW).unlink()
    assert raw_data(project.path, RAW).advice == f"dvc checkout {RAW}.dvc"
    shutil.rmtree(project.path / ".dvc/cache")
    assert raw_data(project.path, RAW).advice == f"dvc pull {RAW}.dvc"
    shutil.rmtree(shelf)
    assert raw_data(project.path, RAW).status == "fail"
    (project.path / f"{RAW}.dvc").unlink()
    assert raw_data(project.path, RAW).found == f"neither {RAW} nor {RAW}.dvc"
    assert raw_bytes(project.path, RAW) == 0


def test_a_folder_as_remote(project: Project) -> None:
    assert remote(project.path).status == "ok"
    project.edit(".dvc/config", lambda text: text.replace("remote = storage", ""))
    assert remote(project.path).found == "DVC has no default remote"
