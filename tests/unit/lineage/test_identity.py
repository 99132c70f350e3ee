"""Who commits, as Git itself then says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from issuesum.lineage.git import who

VARIABLES = [f"GIT_{role}_{key}" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    git(tmp_path, "init", "--quiet")
    return tmp_path


def git(root: Path, *arguments: str, **variables: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=root, env={**os.environ, **variables},
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip


def committed_by(root: Path) -> list[str]:
    """Return name and address of author and committer of a commit with these variables."""
    git(root, "commit", "--quiet", "--allow-empty", "--message", "change", **who(root))
    return git(root, "log", "-1", "--format=%an%n%ae%n%cn%n%ce").splitlines()


def test_without_an_identity_in_git_issuesum_commits(root: Path) -> None:
    assert committed_by(root) == ["issuesum", "issuesum@localhost"] * 2


def test_the_identity_in_git_commits(root: Path) -> None:
    git(root, "config", "user.name", "Ada")
    assert committed_by(root) == ["Ada", "issuesum@localhost"] * 2
    git(root, "config", "user.email", "ada@example.com")
    assert who(root) == {}
    assert committed_by(root) == ["Ada", "ada@example.com"] * 2


def test_an_empty_setting_is_no_identity(root: Path) -> None:
    git(root, "config", "user.name", "")
    assert committed_by(root)[0] == "issuesum"


def test_the_environment_is_not_overruled(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Ada")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "box@example.com")
    monkeypatch.setenv("GIT_COMMITTER_NAME", "")  # Git takes that for nobody
    expected = ["Ada", "issuesum@localhost", "issuesum", "box@example.com"]
    assert committed_by(root) == expected
