"""The suite runs what it is told to, keeps what it is not, and tells what failed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

import machine
import page
import results
import suite
from catalogue import BENCHMARKS, BUNDLE, ISSUES, Benchmark
from figures import Ratio
from issuesum.errors import ArtifactError
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.writing import write_issues
from results import Result

GOOD = Result(
    command="python benchmarks/serving.py --issues mine.csv",
    input="3 issues of mine.csv",
    quick=False,
    date="2026-01-02T03:04:05+00:00",
    commit="0123456789ab",
    machine={"CPU": "abacus | 2 cores"},
    seconds=61.2,
    ratios=[Ratio("theirs beside ours", 43.21), Ratio("late beside early", 3.0, 2)],
    output="some figures\n",
)
SCRIPT = """
import json, sys
from pathlib import Path
print("asked about", *sys.argv[1:-2], sep="\\n")
if sys.argv[1] == "--fail":
    print("noise", file=sys.stderr)
    sys.exit("error: The wind must blow. Received: none. Try: later.")
Path(sys.argv[-1]).write_text(json.dumps([{"what": "a beside b", "value": 2.5, "at_most": None}]))
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A folder in place of the repository, with scripts that measure nothing."""
    root = tmp_path / "repository"
    (root / "benchmarks").mkdir(parents=True)
    for name in ("one", "two", "real"):
        (root / "benchmarks" / f"{name}.py").write_text(SCRIPT, encoding="utf-8")
    stand_ins = (
        Benchmark("one", "The first.", ("--issues", ISSUES), quick=("--few",)),
        Benchmark("two", "The second.", ("--fail",)),
        Benchmark("real", "The third.", ("--issues", ISSUES), only_real=True),
    )
    monkeypatch.setattr(suite, "ROOT", root)
    for module in (suite, page):
        monkeypatch.setattr(module, "BENCHMARKS", stand_ins)
    monkeypatch.setattr(machine, "commit", lambda *_: "0123456789ab-dirty")
    return root


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["suite.py", *arguments])
    try:
        suite.main()
    except SystemExit as end:
        return end.code
    return 0


@pytest.fixture
def issues(tmp_path):
    path = tmp_path / "mine.csv"
    write_issues(path, [Issue("", f"title {number}", "body") for number in range(3)])
    return path


def test_the_page_tells_ratios_output_and_why_one_failed(repository, issues, monkeypatch, capsys):
    code = run(monkeypatch, "--issues", str(issues))
    assert code == "error: two failed; docs/benchmarks.md says why"
    text = (repository / suite.PAGE).read_text(encoding="utf-8")
    assert "| a beside b | 2.5 |  | [one](#one) |" in text
    assert "| none: The wind must blow. Received: none. Try: later. |" in text
    assert "```console\n$ python benchmarks/one.py --issues mine.csv\nasked about\n" in text
    assert "3 issues of mine.csv" in text
    assert text.index("## two") < text.index("It failed: The wind") < text.index("## real")
    for told in (text, (repository / suite.RESULTS).read_text(encoding="utf-8")):
        assert str(issues.parent) not in told
    assert "[2/3] two: The wind must blow." in capsys.readouterr().out


def test_only_one_runs_and_the_others_stay(repository, issues, monkeypatch):
    run(monkeypatch, "--issues", str(issues))
    before = results.load(repository / suite.RESULTS)
    assert run(monkeypatch, "--issues", str(issues), "--only", "one", "--quick") == 0
    after = results.load(repository / suite.RESULTS)
    assert {name: after[name] for name in ("two", "real")} == {
        name: before[name] for name in ("two", "real")
    }
    assert after["one"].command.endswith("--few")
    text = (repository / suite.PAGE).read_text(encoding="utf-8")
    assert "3 issues of mine.csv; quick: less to do than by default" in text


def test_arguments_are_handed_to_the_only_one(repository, issues, monkeypatch, capsys):
    real = ("--issues", str(issues))
    assert run(monkeypatch, *real, "--only", "one", "--", "--held-out", str(issues)) == 0
    kept = results.load(repository / suite.RESULTS)["one"]
    assert kept.command.endswith("one.py --issues mine.csv --held-out mine.csv")
    assert kept.output.endswith("--held-out\nmine.csv\n")
    assert run(monkeypatch, *real, "--", "--rows") == 2
    assert "must be for the one of --only" in capsys.readouterr().err


def test_synthetic_issues_do_where_there_are_none(repository, monkeypatch, capsys):
    assert run(monkeypatch, "--quick", "--only", "one", "--only", "real") == 0
    assert "real: left out" in capsys.readouterr().out
    text = (repository / suite.PAGE).read_text(encoding="utf-8")
    assert "--issues sample.csv --few" in text
    assert "1,000 synthetic issues; quick" in text
    assert "Not run yet." in text


def test_a_bundle_that_holds_no_model_is_never_written_to(tmp_path, issues):
    given = suite.argparse.Namespace(issues=issues, bundle=tmp_path, quick=True)
    with pytest.raises(ArtifactError, match="must hold a model"):
        suite._input(given, tmp_path)


def test_no_usable_row_is_refused_at_once(repository, tmp_path, monkeypatch):
    empty = tmp_path / "empty.csv"
    empty.write_text("issue_url,issue_title,body\nu,,\n", encoding="utf-8")
    assert "must hold usable rows" in str(run(monkeypatch, "--issues", str(empty)))
    assert not (repository / suite.PAGE).exists()


def test_arguments_get_paths_that_the_page_does_not_tell(tmp_path):
    (tmp_path / "bundle" / "model").mkdir(parents=True)
    given = suite.Input(tmp_path / "i.csv", real=True, bundle=tmp_path / "bundle", folder=tmp_path)
    filled = given.fill(("--bundle", BUNDLE, "--issues", ISSUES))
    assert filled == ["--bundle", str(tmp_path / "bundle"), "--issues", str(tmp_path / "i.csv")]
    told = given.redact(f"{' '.join(filled)} in {suite.ROOT / 'benchmarks'}")
    assert told == "--bundle bundle --issues i.csv in benchmarks"


def test_the_last_line_of_ours_says_why():
    said = "error: first\nerror: split: second\nERROR: failed to reproduce 'split'\n"
    assert suite._reason(said) == "split: second"
    assert suite._reason("Traceback\n  KeyError: 'x'\n\n") == "KeyError: 'x'"
    assert suite._reason("") == ""


def test_results_come_back_as_they_were_kept(tmp_path):
    kept = {"serving": GOOD, "export": replace(GOOD, ratios=[], failure="no engine")}
    results.save(kept, tmp_path / "results.json")
    assert results.load(tmp_path / "results.json") == kept
    assert list(json.loads((tmp_path / "results.json").read_text())) == ["export", "serving"]


def test_a_section_of_another_machine_says_so():
    newer = replace(GOOD, machine={"CPU": "quill"}, date="2026-02-01T00:00:00+00:00")
    text = page.render({"serving": GOOD, "export": newer})
    machines = text.split("## Machine")[1]
    assert machines.index("| CPU | quill |") < machines.index("It was another machine")
    assert machines.count("It was another machine:\n\n| | |\n|---|---|\n| CPU | abacus \\| 2") == 1
    assert "| late beside early | 3 | at most 2, **not kept** | [serving](#serving) |" in text
    assert "| theirs beside ours | 43.2 |" in text
    assert "2026-01-02; commit 0123456789ab; 3 issues of mine.csv; 1 min 1 s." in text


def test_every_benchmark_is_a_script_that_takes_its_arguments(root):
    for benchmark in BENCHMARKS:
        text = (root / "benchmarks" / f"{benchmark.name}.py").read_text(encoding="utf-8")
        options = {of for of in (*benchmark.always, *benchmark.real, *benchmark.quick)
                   if of.startswith("-")}  # fmt: skip
        assert all(f'"{option}"' in text for option in options), benchmark.name
        assert "figures.add_option(parser)" in text


def test_the_page_is_that_of_the_results(root):
    kept = results.load(root / suite.RESULTS)
    assert (root / suite.PAGE).read_text(encoding="utf-8") == page.render(kept)


def test_the_machine_has_no_name_of_a_host():
    told = machine.describe()
    assert "cores" in told["CPU"]
    assert "onnxruntime" in told["packages"]
    assert "tensorflow" in told["packages"]
    assert machine.platform.node() not in " ".join(told.values()).split()


def test_only_what_is_measured_makes_a_commit_dirty(tmp_path):
    def git(*command):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)

    git("init", "-q")
    (tmp_path / "benchmarks").mkdir()
    for name in ("README.md", "benchmarks/results.json", "benchmarks/serving.py"):
        (tmp_path / name).write_text("old", encoding="utf-8")
    git("add", "--all")
    git("-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-qm", "begin")
    for name in ("README.md", "benchmarks/results.json"):
        (tmp_path / name).write_text("new", encoding="utf-8")
    clean = machine.commit(tmp_path, "benchmarks/results.json")
    assert len(clean) == 12
    (tmp_path / "benchmarks/serving.py").write_text("new", encoding="utf-8")
    assert machine.commit(tmp_path, "benchmarks/results.json") == f"{clean}-dirty"
