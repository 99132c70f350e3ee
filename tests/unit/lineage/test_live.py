"""Which image is live: by the environment, else by the receipt of a version or a commit."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from issuesum.errors import ArtifactError, RepositoryError
from issuesum.lineage.registered import LIVE, Live, live_image
from tags import Tagged

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


def test_the_version_in_production_goes_before_the_last_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(LIVE, raising=False)
    repository, name = Tagged(tmp_path), "issuesummarization"
    for version in ("v1", "v2", "v3"):
        receipt = {**RECEIPT, "digest": f"sha256:{version}"}
        repository.commit(version, **{"serving/image.json": json.dumps(receipt)})
        repository.tag(f"{name}@{version}.0.0")
    repository.tag(f"{name}#staging#1", "HEAD")
    assert live_image(tmp_path) == Live("host:5000/titles@sha256:v3", "d1")  # not in production
    for number, (commit, digest) in enumerate([("HEAD~1", "v2"), ("HEAD", "v3"), ("HEAD~2", "v1")]):
        repository.tag(f"{name}#prod#{number + 2}", commit)
        assert live_image(tmp_path) == Live(f"host:5000/titles@sha256:{digest}", "d1")
    monkeypatch.setenv(LIVE, "none")
    assert live_image(tmp_path) is None


def test_a_version_in_production_without_a_receipt_lets_nothing_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(LIVE, raising=False)
    repository = Tagged(tmp_path)
    repository.commit("code")
    repository.tag("issuesummarization@v1.0.0")
    repository.tag("issuesummarization#prod#1")
    with pytest.raises(ArtifactError, match=r"The commit of v1\.0\.0, which is in stage prod"):
        live_image(tmp_path)


def test_a_project_in_a_folder_has_tags_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(LIVE, raising=False)
    repository = Tagged(tmp_path)
    repository.commit("one", **{"titles/serving/image.json": json.dumps(RECEIPT)})
    repository.tag("titles=issuesummarization@v1.0.0")
    repository.tag("titles=issuesummarization#prod#1")
    repository.commit("two", **{"titles/serving/image.json": "{}"})
    assert live_image(tmp_path / "titles") == Live("host:5000/titles@sha256:ab", "d1")
