"""Projects in which benchmarks run commands, and how ratios are printed."""

from __future__ import annotations

import sys

import pytest

from common import Project, Ratio, read_speeds
from issuesum.errors import ParamsError
from issuesum.layout import RAW
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import read_issues, write_issues


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return Project.clone(tmp_path_factory.mktemp("bench") / "project")


@pytest.mark.parametrize(
    ("ratio", "printed"),
    [
        (Ratio("a vs. b", 1234.5), "   1,234  a vs. b"),
        (Ratio("a vs. b", 0.04321, 2), "  0.0432  a vs. b (promised: at most 2)"),
    ],
)
def test_ratios_have_three_significant_digits_and_their_promise(ratio, printed):
    assert str(ratio) == printed


def test_a_clone_runs_its_own_code_without_settings_of_the_user(clone, monkeypatch):
    monkeypatch.setenv("ISSUESUM_CACHE", "/theirs")
    monkeypatch.setenv("TF_CONFIG", "{}")
    code = (
        "import issuesum, os; print(*os.environ.keys() & {'ISSUESUM_CACHE', 'TF_CONFIG'}, "
        "issuesum.__file__)"
    )
    path = str(clone.path / "src/issuesum/__init__.py")
    assert clone.run("python", "-c", code).output.split() == [path]
    assert clone.start("python", "-c", code, stdout=-1).communicate()[0].split() == [path]
    assert not (clone.path / "dvc.lock").exists()


def test_a_command_that_fails_ends_the_benchmark_unless_it_may(clone):
    with pytest.raises(SystemExit, match=r"ended with 3\nwhy"):
        clone.run("python", "-c", "print('why'); raise SystemExit(3)")
    assert clone.run("python", "-c", "raise SystemExit(3)", ends_with=None).seconds > 0


def test_a_command_is_timed_and_weighed_with_its_children(clone):
    child = "import time; held = bytearray(80_000_000); time.sleep(0.4)"
    code = f"import subprocess; subprocess.run([{sys.executable!r}, '-c', {child!r}])"
    done = clone.run("python", "-c", code, weigh=True)
    assert done.seconds > 0.4
    assert 80 < done.peak_mb < 200


def test_a_fork_has_the_same_data_and_params_of_its_own(clone, tmp_path):
    for name in ("one", "two"):
        write_issues(tmp_path / f"{name}.csv", [Issue("", f"title {name}", "body")])
    clone.ingest([tmp_path / "one.csv", tmp_path / "two.csv"])
    other = clone.fork("other", {"train.epochs": 77, "build.decoding.beam_width": 2})
    assert [row.title for row in read_issues(other.path / RAW)] == ["title one", "title two"]
    assert (other.params.train.epochs, other.params.build.decoding.beam_width) == (77, 2)
    assert clone.params.train.epochs != 77
    with pytest.raises(ParamsError, match=r"train\.colour"):
        other.change({"train.colour": "red"})


def test_speeds_are_read_while_they_are_written(tmp_path):
    table = tmp_path / "speed.tsv"
    assert read_speeds(table) == []
    table.write_text("step\texamples_per_second\n")
    assert read_speeds(table) == []
    table.write_text("step\texamples_per_second\n0\t12.5\n1\t30.0\n")
    assert read_speeds(table) == [12.5, 30.0]
