"""What the commit of results contains and says."""

from __future__ import annotations

import json

import pytest

from issuesum.automation.retraining import results
from issuesum.automation.retraining.results import commit
from issuesum.lineage.receipt import Receipt
from projects import Project

LOCK = """stages:
  split:
    deps:
    - {path: data/raw/github_issues.csv, md5: 0a, size: 1}
    outs: []
  train:
    params:
      params.yaml:
        train: {epochs: %d, xla: true}
"""


def _scores(project: Project, rouge_l: float, rows: int) -> None:
    (project.path / "eval").mkdir(exist_ok=True)
    content = {"test_rows": rows, "model": {"rouge_l": rouge_l}}
    (project.path / "eval/metrics.json").write_text(json.dumps(content))


@pytest.fixture
def run(clone: Project) -> Project:
    """Return the clone after a second run, whose results are not committed."""
    (clone.path / "dvc.lock").write_text(LOCK % 12)
    _scores(clone, 21.59, 1482)
    clone.commit("first")
    (clone.path / "dvc.lock").write_text(LOCK % 3)
    _scores(clone, 22.01, 1482)
    (clone.path / "serving").mkdir()
    receipt = Receipt("host/titles:a-b", "sha256:1", git="a", dvc="b")
    receipt.save(clone.path / "serving/image.json")
    return clone


def test_the_message_has_the_numbers(run: Project) -> None:
    assert results.message(run.path, None) == (
        "Retrain: ROUGE-L 22.01 (+0.42) on 1,482 issues [skip ci]\n\n"
        "Image: host/titles:a-b\n"
        "Digest: sha256:1\n"
        "Data: 0a\n"
        "Param: train.epochs from 12 to 3"
    )
    subject = results.message(run.path, "Take March\n[skip ci]").splitlines()[0]
    assert subject == "Take March"
    assert results.message(run.path, "Take March").startswith("Take March [skip ci]\n\nImage: ")


def test_scores_on_other_issues_have_no_difference(run: Project) -> None:
    _scores(run, 15.76, 400)
    subject = results.message(run.path, None).splitlines()[0]
    assert subject == "Retrain: ROUGE-L 15.76 on 400 issues, before 21.59 on 1,482 [skip ci]"


def test_without_an_earlier_run_nothing_is_compared(run: Project) -> None:
    for name in ("dvc.lock", "eval/metrics.json"):
        run.run("git", "rm", "--quiet", "--cached", name)
    run.run("git", "-c", "user.name=T", "-c", "user.email=t@e", "commit", "-qm", "forget")
    text = results.message(run.path, None)
    assert text.startswith("Retrain: ROUGE-L 22.01 on 1,482 issues [skip ci]\n")
    assert "Param:" not in text


def test_results_alone_are_committed(run: Project) -> None:
    (run.path / "eval/scratch.csv").write_text("x")
    (run.path / "notes.md").write_text("x")
    run.run("git", "add", "notes.md")
    paths = results.uncommitted(run.path)
    assert paths == ["dvc.lock", "eval/metrics.json", "serving/image.json"]
    assert not results.is_results(run.path, "HEAD~1")  # the first commit of all
    commit(run.path, paths, results.message(run.path, None))
    assert results.uncommitted(run.path) == []
    assert results.is_results(run.path, "HEAD")
    assert run.run("git", "status", "--porcelain").stdout == "A  notes.md\n?? eval/scratch.csv\n"
    run.commit("notes")
    assert not results.is_results(run.path, "HEAD")


def test_scores_that_are_not_there_are_none(run: Project) -> None:
    (run.path / "eval/metrics.json").write_text("{}")
    assert results.scores(run.path) is None
    assert results.message(run.path, None).startswith("Retrain: no scores [skip ci]\n")
