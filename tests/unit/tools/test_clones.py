"""Clones that are not like ours: of Git for Windows, and of another user."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from issuesum.lineage import git
from issuesum.lineage.git import ForeignRepositoryError
from projects import Project, copy_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = copy_project(tmp_path_factory.mktemp("clones") / "project")
    project.commit("begin")
    return project


def test_git_for_windows_checks_out_the_same_bytes(project: Project, tmp_path: Path) -> None:
    project.run("git", "clone", "-q", "-c", "core.autocrlf=true", ".", str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    assert clone.run("git", "status", "--porcelain").stdout == ""
    for name in filter(None, clone.run("git", "ls-files", "-z").stdout.split("\0")):
        assert (clone.path / name).read_bytes() == (project.path / name).read_bytes(), name


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a clone to another user")
def test_a_clone_of_another_user_is_named_before_anything_is_done(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = project.copy(tmp_path / "clone")
    clone.issuesum("sample", "--rows", "30", "--force")
    for path in (clone.path, clone.path / ".git"):
        os.chown(path, 1234, 1234)
    raw = clone.path / "data/raw/github_issues.csv"
    before = raw.read_bytes()
    home = {"HOME": str(tmp_path)}
    advice = f"Try: git config --global --add safe.directory {clone.path}."
    for done in (
        clone.issuesum("ingest", "--force", "data/sample/issues.csv.gz", ok=False, **home),
        clone.issuesum("sample", "--rows", "20", "--force", ok=False, **home),
        clone.issuesum("export", "--dry-run", ok=False, **home),
        clone.issuesum("retrain", "--no-push", ok=False, **home),
        clone.issuesum("report", ok=False, **home),
        clone.stage("split", ok=False, **home),
    ):
        assert (done.returncode, done.stderr.count("\n")) == (8, 1), done
        assert advice in done.stderr, done
    assert raw.read_bytes() == before
    assert not (clone.path / "data/split/train").exists()
    found = clone.issuesum("doctor", "--only", "data", ok=False, **home).stdout
    assert "FAIL" in found
    assert f"{advice[:-1]}\n" in found
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ForeignRepositoryError, match=r"safe\.directory"):
        git.head(clone.path)
