"""What commands take, and the tables of it."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

import preprocess
from clone import Clone
from issuesum.layout import RAW
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import read_issues
from issuesum.training.corpus.writing import write_issues
from ladder import STEPS, STORES, Rung, growth, report
from watched import Watched, watch


def rung(rows: int, peak: float) -> Rung:
    steps = {name: Watched("", 10.0, peak) for name in STEPS}
    return Rung(rows, 2 * 10**9, steps, dict.fromkeys(STORES, rows * 10**6))


def test_a_command_is_timed_and_its_children_are_weighed(tmp_path):
    child = "import time; held = bytearray(80_000_000); time.sleep(0.4)"
    code = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}]); print('done')"
    )
    taken = watch(sys.executable, "-c", code, cwd=tmp_path, env=os.environ)
    assert taken.output == "done\n"
    assert taken.seconds > 0.4
    assert 80 < taken.peak_mb < 200


def test_a_command_that_fails_says_why(tmp_path):
    with pytest.raises(SystemExit, match="no luck"):
        watch(sys.executable, "-c", "import sys; sys.exit('no luck')", cwd=tmp_path, env=os.environ)


def test_every_step_and_every_store_has_a_figure_for_each_number_of_rows():
    rungs = [rung(1_000, 100.0), rung(20_000, 150.0)]
    lines = list(report(rungs))
    assert [line.partition(",")[0] for line in lines if "peak memory" in line] == list(STEPS)
    assert lines.count("       1,000 rows      100 MB     10.0 s") == len(STEPS)
    assert lines.count("  growth               50.0 %") == len(STEPS)
    assert "      20,000 rows                  40.0 s" in lines
    assert lines[-3].split() == ["disk", "in", "GB", "file", *STORES, "all"]
    assert lines[-1].split() == ["20,000", "rows", "2.00", *["20.00"] * 5, "100.00"]
    assert growth(rungs, "split") == 1.5


def test_the_first_step_of_preprocess_is_read_from_what_it_says():
    said = "preprocess: tokenised 17,901 rows in 5.2 s, 2 workers\n"
    assert preprocess.Tokenising.of(said) == preprocess.Tokenising(17_901, 5.2)


class Pretence(Clone):
    """Runs nothing; tokenising takes a second for every ten rows of what lies there."""

    @classmethod
    def of_head(cls, path):
        (path / "data/raw").mkdir(parents=True)
        (path / ".issuesum").mkdir()
        return cls(path)

    def change(self, values):
        pass

    def watch(self, *command):
        if command[0] == "issuesum":
            shutil.copy(command[-1], self.path / RAW)
        rows = sum(1 for _ in read_issues(self.path / RAW))
        return Watched(f"preprocess: tokenised {rows:,} rows in {rows / 10} s", 2.0, rows)


def test_an_append_is_timed_with_the_largest_input_that_is_not_too_large(
    tmp_path, monkeypatch, capsys
):
    issues = [Issue("", f"title number {row}", f"some words in row {row}") for row in range(9)]
    write_issues(tmp_path / "issues.csv", issues)
    monkeypatch.setattr(preprocess, "Clone", Pretence)
    monkeypatch.setattr(preprocess, "_COMPARED", 250)
    ratios = preprocess._scale(tmp_path / "issues.csv", [100, 200, 300], tmp_path / "work")
    values = {ratio.what.partition(":")[0]: ratio.value for ratio in ratios}
    assert values["tokenising after 1 % more rows"] == pytest.approx(202 / 200)
    assert values["tokenising"] == 1  # rows/s of several workers beside one
    assert values["split"] == 3
    assert "2 rows were appended to 200" in capsys.readouterr().out
    assert not list((tmp_path / "work").iterdir())
