"""Which image is live: by the environment, else by the receipt of the last commit."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from issuesum.errors import ArtifactError, RepositoryError
from issuesum.lineage.live import LIVE, Live, live_image

RECEIPT = {"image": "host:5000/titles:v1", "digest": "sha256:ab", "git": "c1", "dvc": "d1"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(LIVE, raising=False)
    (tmp_path / "serving").mkdir()
    git(tmp_path, "init", "--quiet")
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", *who, *arguments], cwd=folder, env=env, check=True)


def commit(root: Path, content: str | None) -> None:
    path = root / "serving/image.json"
    if content is None:
        path.unlink(missing_ok=True)
    else:
        path.write_text(content)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "change")


def test_the_receipt_is_that_of_the_commit_and_not_of_the_workspace(root: Path) -> None:
    commit(root, None)
    assert live_image(root) is None
    (root / "serving/image.json").write_text(json.dumps(RECEIPT))
    assert live_image(root) is None
    commit(root, json.dumps(RECEIPT))
    (root / "serving/image.json").unlink()
    assert live_image(root) == Live("host:5000/titles@sha256:ab", "d1")


def test_the_environment_goes_before_the_receipt(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(root, json.dumps(RECEIPT))
    monkeypatch.setenv(LIVE, "other/titles:v2")
    assert live_image(root) == Live("other/titles:v2", None)
    monkeypatch.setenv(LIVE, "None")
    assert live_image(root) is None
    monkeypatch.setenv(LIVE, "")
    assert live_image(root) == Live("host:5000/titles@sha256:ab", "d1")


def test_a_broken_receipt_and_no_commit_are_named(root: Path) -> None:
    with pytest.raises(RepositoryError, match="with a commit"):
        live_image(root)
    commit(root, '{"image": 1}')
    with pytest.raises(ArtifactError, match=r"image\.json of the last commit must name an image"):
        live_image(root)
