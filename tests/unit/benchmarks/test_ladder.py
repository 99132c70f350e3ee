"""What commands take, and the tables of it."""

from __future__ import annotations

import os
import sys

import pytest

import preprocess
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
