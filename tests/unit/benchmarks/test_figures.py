"""What is divided by what."""

from __future__ import annotations

import shutil

import pytest

import end_to_end
import export
import preprocess
import quality
import training
from common import Done, Project
from issuesum.errors import ArtifactError
from issuesum.layout import RAW
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import read_issues, write_issues
from issuesum.training.evaluation.metrics import Scores


def test_a_push_is_compared_with_what_is_promised(capsys):
    stages = dict.fromkeys(("split", "preprocess", "train", "build", "evaluate", "export"), 10.0)
    end_to_end.report(5.0, 100.0, stages, [(1.0, 1.5)])
    *_, whole, nothing = capsys.readouterr().out.splitlines()
    assert whole.split()[0] == "1.06"  # 95 of 90 seconds
    assert (
        nothing == "     1.5  retrain with nothing to do: time vs. dvc status (promised: at most 2)"
    )


def test_a_bundle_without_a_model_is_not_exported(tmp_path):
    with (
        pytest.raises(ArtifactError, match="must hold a model"),
        export.export_project(tmp_path / "project", tmp_path),
    ):
        pytest.fail("there is no model")


def test_our_rouge_l_is_divided_by_that_of_every_other_way():
    scores = {name: Scores({"rouge_l": value}) for name, value in (("a", 4), ("b", 0), ("c", 8))}
    ratios = list(quality.rouge_l_ratios("test issues", scores))
    assert [ratio.value for ratio in ratios] == [2, 800]
    assert ratios[0].what == "test issues: ROUGE-L vs. a"


def test_gains_are_medians():
    passes = [(training.Pass(100, 10), training.Pass(rate, 5)) for rate in (150, 200, 900)]
    assert training.gains(passes) == (2, 2)


class FakeProject(Project):
    """Runs nothing; tokenising takes a second for every ten rows of what lies there."""

    @classmethod
    def clone(cls, path):
        (path / "data/raw").mkdir(parents=True)
        (path / ".issuesum").mkdir()
        return cls(path, path)

    def change(self, values):
        pass

    def run(self, *command, **_):
        if command[0] == "issuesum":
            shutil.copy(command[-1], self.path / RAW)
        rows = sum(1 for _ in read_issues(self.path / RAW))
        return Done(f"preprocess: tokenised {rows:,} rows in {rows / 10} s", 2.0, rows)


def test_an_append_is_timed_with_the_largest_input_that_is_not_too_large(
    tmp_path, monkeypatch, capsys
):
    issues = [Issue("", f"title number {row}", f"some words in row {row}") for row in range(9)]
    write_issues(tmp_path / "issues.csv", issues)
    monkeypatch.setattr(preprocess, "Project", FakeProject)
    monkeypatch.setattr(preprocess, "_COMPARED", 250)
    ratios = preprocess.scale(tmp_path / "issues.csv", [100, 200, 300], tmp_path / "work")
    values = {ratio.what.partition(":")[0]: ratio.value for ratio in ratios}
    assert values["tokenising after 1 % more rows"] == pytest.approx(202 / 200)
    assert values["tokenising"] == 1  # rows/s of several workers vs. one
    assert values["split"] == 3
    printed = capsys.readouterr().out
    assert "2 rows were appended to 200" in printed
    for step in preprocess.STEPS:
        assert f"\n{step}, peak memory" in printed
    assert not list((tmp_path / "work").iterdir())


def test_rows_and_seconds_are_read_from_what_preprocess_prints():
    output = "preprocess: tokenised 17,901 rows in 5.2 s, 2 workers\n"
    assert preprocess.tokenised(output) == (17_901, 5.2)
