"""The tag, in real repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from issuesum.errors import RepositoryError
from issuesum.lineage import git
from issuesum.lineage.tag import Version

BUNDLE = "9d8e7f6a5b4c3d2e1f009d8e7f6a5b4c.dir"
COMMIT = "3f2c1ab4d5e6" + "0" * 28


def test_the_tag_is_the_commit_and_the_bundle() -> None:
    assert Version(COMMIT, dirty=False, bundle=BUNDLE).tag == "3f2c1ab4d5e6-9d8e7f6a5b4c"
    assert Version(COMMIT, dirty=True, bundle=BUNDLE).tag == "3f2c1ab4d5e6-dirty-9d8e7f6a5b4c"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)  # commit.gpgsign and the like
    for name in (
        "src/a.py",
        "serving/Component.py",
        "params.yaml",
        "dvc.yaml",
        "README.md",
        "data/raw/x.csv.dvc",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1\n")
    (tmp_path / "serving/.gitignore").write_text("/bundle\n")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run(
            ["git", "-c", "user.name=T", "-c", "user.email=t@example.com", *command],
            cwd=tmp_path,
            check=True,
        )
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "src/a.py",
        "src/new.py",
        "serving/Component.py",
        "params.yaml",
        "dvc.yaml",
        "data/raw/x.csv.dvc",
        "uv.lock",
        "Dockerfile",
        "src/ü ber.py",
    ],
)
def test_changed_or_new_code_and_data_make_it_dirty(name: str, repository: Path) -> None:
    (repository / name).write_text("2\n")
    assert git.changed_files(repository) == [name]


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "dvc.lock",
        "serving/image.json",
        "serving/bundle/x",
        "eval/metrics.json",
        "serving/.gitignore",
        "docs/new.md",
    ],
)
def test_outputs_the_lock_and_prose_do_not(name: str, repository: Path) -> None:
    (repository / name).parent.mkdir(exist_ok=True)
    (repository / name).write_text("2\n")
    assert git.changed_files(repository) == []


def test_deleted_and_renamed_code_makes_it_dirty(repository: Path) -> None:
    (repository / "src/a.py").rename(repository / "src/b.py")
    assert git.changed_files(repository) == ["src/a.py", "src/b.py"]


def test_head_is_the_commit(repository: Path) -> None:
    assert len(git.head(repository)) == 40


def test_without_a_commit_or_a_repository_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="must be a Git repository with a commit"):
        git.head(tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    with pytest.raises(RepositoryError, match="must be a Git repository with a commit"):
        git.head(tmp_path)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@example.com:8443/a/b.git", "https://example.com:8443/a/b.git"),
        ("https://token@example.com/a.git", "https://example.com/a.git"),
        ("git@example.com:a/b.git", "git@example.com:a/b.git"),
        ("/srv/git/b.git", "/srv/git/b.git"),
    ],
)
def test_the_remote_is_shown_without_credentials(url: str, shown: str, repository: Path) -> None:
    assert git.remote_url(repository) is None
    subprocess.run(["git", "remote", "add", "origin", url], cwd=repository, check=True)
    assert git.remote_url(repository) == shown
