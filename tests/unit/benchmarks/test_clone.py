"""A clone that is as if it had never been run, and whose commands must succeed."""

from __future__ import annotations

import pytest

from clone import Clone
from issuesum.errors import ArtifactError
from issuesum.stages.params import load_params
from shop import Shop


@pytest.fixture
def clone(tmp_path):
    return Clone.of_head(tmp_path / "project")


def test_a_clone_knows_no_earlier_run_and_nothing_of_the_user(clone, monkeypatch):
    assert (clone.path / "dvc.yaml").exists()
    assert not (clone.path / "dvc.lock").exists()
    clone.change([("train.epochs", 3)])
    assert load_params(clone.path / "params.yaml").train.epochs == 3
    monkeypatch.setenv("ISSUESUM_CACHE", "/theirs")
    code = "import issuesum, os; print(os.environ.get('ISSUESUM_CACHE'), issuesum.__file__)"
    said = clone.watch("python", "-c", code).output.split()
    assert said == ["None", str(clone.path / "src/issuesum/__init__.py")]


def test_a_command_that_fails_ends_the_benchmark_unless_it_may(clone):
    with pytest.raises(SystemExit, match=r"ended with 3\nwhy"):
        clone.run("python", "-c", "print('why'); raise SystemExit(3)")
    assert clone.run("python", "-c", "raise SystemExit(3)", ends_with=None) > 0


def test_a_bundle_without_a_model_is_not_exported(tmp_path):
    with pytest.raises(ArtifactError, match="must hold a model"):
        Shop(tmp_path / "project", tmp_path)
