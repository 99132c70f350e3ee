"""Two models on the same issues."""

from __future__ import annotations

import pytest

from issuesum.lineage.dvc import Change
from issuesum.lineage.reporting.image_difference import compare_titles, fixed_issues
from issuesum.serving.inference.writer import TitleWriter
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import Reject
from toy_bundle import write_bundle


@pytest.fixture(scope="module")
def writers(tmp_path_factory: pytest.TempPathFactory) -> list[TitleWriter]:
    folders = [tmp_path_factory.mktemp("model") for _ in range(2)]
    return [TitleWriter(write_bundle(folder, seed=seed)) for seed, folder in enumerate(folders)]


def test_the_fixed_issues_are_always_the_same_hundred() -> None:
    issues = list(fixed_issues())
    assert len(issues) == 100
    assert issues == list(fixed_issues())
    assert all(issue.body.strip() for issue in issues)


def test_pairs_are_what_each_model_writes_of_its_own(writers: list[TitleWriter]) -> None:
    issues = list(fixed_issues())
    found = compare_titles(iter(issues), *writers, examples=3)
    titles = [writer.titles([issue.body for issue in issues]) for writer in writers]
    differing = [Change(*pair) for pair in zip(*titles, strict=True) if pair[0] != pair[1]]
    assert (found.issues, found.differing) == (100, len(differing))
    assert len(differing) > 3
    assert found.pairs == tuple(differing[:3])


def test_one_model_agrees_with_itself_and_rejects_are_passed_over(
    writers: list[TitleWriter],
) -> None:
    rows = [Issue("", "", "the app"), Reject(2, "empty body", "", "", "")]
    found = compare_titles(rows, writers[0], writers[0], examples=3)
    assert (found.issues, found.differing, found.pairs) == (1, 0, ())
