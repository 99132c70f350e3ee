"""A small repository, its bare remote and another clone of that."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from projects import Project

LOCK = "stages:\n  train:\n    params:\n      params.yaml:\n        train:\n          epochs: {}\n"


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a clone of tmp_path/bare.git with params and results, pushed."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    project = Project(tmp_path / "clone")
    project.init()
    (project.path / "params.yaml").write_text("train:\n  epochs: 12  # at most\n")
    (project.path / "dvc.lock").write_text(LOCK.format(12))
    project.commit("begin")
    project.run("git", "clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    project.run("git", "remote", "add", "origin", str(tmp_path / "bare.git"))
    project.run("git", "fetch", "--quiet", "origin")
    return project


@pytest.fixture
def other(clone: Project, tmp_path: Path) -> Project:
    """Return another clone of the same repository."""
    clone.run("git", "clone", "--quiet", str(tmp_path / "bare.git"), str(tmp_path / "other"))
    return Project(tmp_path / "other")
