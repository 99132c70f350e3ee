"""Rows that are made up, a process that trains pass by pass, and how passes are compared."""

from __future__ import annotations

import pytest

from issuesum.text.tokens import words
from issuesum.training.corpus.writing import write_issues
from project import Project
from training import EXAMPLE, PASSES, SIZES, Pass, Worker, compared, made_up

TINY = {
    **SIZES,
    "preprocess.body.keep_n": 50,
    "preprocess.body.padding_maxlen": 10,
    "preprocess.title.padding_maxlen": 4,
    "preprocess.title.keep_n": 30,
    "train.embedding_dim": 4,
    "train.hidden_units": 4,
    "train.batch_size": 32,
}


def test_made_up_issues_are_as_long_as_real_ones():
    issues = list(made_up(400))
    assert issues == list(made_up(400))
    lengths = sorted(len(words(issue.body)) for issue in issues)
    assert lengths[0] >= 2
    assert 35 < lengths[200] < 50
    assert 300 < lengths[-1] <= 374
    assert all(2 <= len(words(issue.title)) <= 43 for issue in issues)


def test_the_comparison_shows_medians():
    pairs = [
        (Pass(100, 10), Pass(150, 8)),
        (Pass(50, 11), Pass(100, 5)),
        (Pass(120, 12), Pass(300, 6)),
    ]
    keras, ours, ratio = compared(pairs)
    assert keras.split()[-6:] == ["100", "examples/s", "11.0", "s", "of", "CPU"]
    assert ours.split()[-6:] == ["150", "examples/s", "6.0", "s", "of", "CPU"]
    assert ratio.split() == ["ratio", "2.00", "2.00"]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["keras", "issuesum"])
def test_a_worker_trains_a_pass_whenever_it_is_asked_to(tmp_path, way):
    project = Project(tmp_path / "project")
    project.change({**EXAMPLE, **PASSES, **TINY})
    write_issues(tmp_path / "issues.csv", made_up(80))
    project.ingest([tmp_path / "issues.csv"])
    project.stage("split")
    project.stage("preprocess")
    with Worker(way, project) as worker:
        passes = [worker.train(), worker.train()]
    assert all(of.examples_per_second > 0 and of.cpu_seconds > 0 for of in passes)


def test_a_worker_that_fails_says_why(tmp_path):
    project = Project(tmp_path / "project")
    with pytest.raises(SystemExit, match="KeyError: 'wizardry'"), Worker("wizardry", project):
        pytest.fail("there is no such way")
