"""The runner writes one section of the page, without paths of the machine."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

import run_all
from run_all import BENCHMARKS, Benchmark

PAGE = "# Benchmarks\n\n## one\n\nThe first.\n\nold\n\n## two\n\nThe second.\n\nold\n"
SCRIPT = "import sys; print(*sys.argv[1:]); sys.exit('--fail' in sys.argv)"


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A page, and scripts that measure nothing."""
    for folder in ("benchmarks", "docs"):
        (tmp_path / folder).mkdir()
    for name in ("one", "two"):
        (tmp_path / f"benchmarks/{name}.py").write_text(SCRIPT)
    (tmp_path / run_all.PAGE).write_text(PAGE)
    (tmp_path / "mine.csv").touch()
    monkeypatch.setattr(run_all, "ROOT", tmp_path)
    monkeypatch.setattr(run_all, "commit", lambda: "0123456789ab")
    some = {"one": Benchmark("--issues {issues}", quick="--few"), "two": Benchmark("--fail")}
    monkeypatch.setattr(run_all, "BENCHMARKS", some)
    return tmp_path / run_all.PAGE


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["run_all.py", *arguments])
    run_all.main()


def test_a_result_replaces_the_one_before_and_a_failure_replaces_none(page, monkeypatch):
    issues = str(page.parents[1] / "mine.csv")
    with pytest.raises(SystemExit, match="error: two failed"):
        run(monkeypatch, "--issues", issues, "--quick")
    text = page.read_text()
    assert "\n## one\n\nThe first.\n\n2" in text
    assert "; commit 0123456789ab; issues of mine.csv; 0 min " in text
    command = "$ python benchmarks/one.py --issues mine.csv --few"
    assert f"```console\n{command}\n--issues mine.csv --few\n```\n\n## two\n" in text
    assert text.endswith("## two\n\nThe second.\n\nold\n")
    assert str(page.parent) not in text


def test_arguments_are_for_the_only_one(page, monkeypatch, capsys):
    issues = ("--issues", str(page.parents[1] / "mine.csv"))
    run(monkeypatch, *issues, "--only", "one", "--", "--rows", "3")
    assert "one.py --issues mine.csv --rows 3\n" in page.read_text()
    with pytest.raises(SystemExit):
        run(monkeypatch, *issues, "--", "--rows")
    assert "must be for the one of --only" in capsys.readouterr().err


def test_every_benchmark_is_a_script_that_takes_its_arguments_and_has_a_section(root: Path):
    text = (root / run_all.PAGE).read_text(encoding="utf-8")
    for name, benchmark in BENCHMARKS.items():
        script = (root / f"benchmarks/{name}.py").read_text(encoding="utf-8")
        words = f"{benchmark.always} {benchmark.real} {benchmark.quick}".split()
        assert all(f'"{word}"' in script for word in words if word.startswith("-")), name
        assert run_all.with_result(text, name, "new").count("\nnew\n") == 1


def test_the_machine_has_no_name_of_a_host():
    assert "cores" in run_all.machine()
    assert platform.node() not in run_all.machine()
