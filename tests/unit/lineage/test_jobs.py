"""The history of jobs, from records of runs and the commits of dvc.lock."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from issuesum.cli.jobs import command
from issuesum.errors import ArtifactError, ParamsError
from issuesum.layout import RUNS
from issuesum.lineage.dvc import Item
from issuesum.lineage.runs import record as runs
from issuesum.lineage.runs.jobs import Job, led_to, list_jobs
from issuesum.lineage.runs.record import RunRecord
from projects import Project

WHO = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
Files = Mapping[str, str]


def items(files: Files) -> list[dict]:
    return [{"path": path, "hash": "md5", "md5": md5, "size": 10} for path, md5 in files.items()]


class History(Project):
    """A Git repository with a dvc.lock, whose clock moves by an hour a commit."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        path.mkdir()
        self.hour = 0
        self.stages: dict = {}
        self.run("git", "init", "--quiet", "--initial-branch=main")

    def lock_and_commit(self, **stages: tuple[Files, Files]) -> str:
        """Commit dvc.lock with some stages' dependencies and outputs changed."""
        for stage, (deps, outs) in stages.items():
            self.stages[stage] = {"cmd": "x", "deps": items(deps), "outs": items(outs)}
        text = yaml.safe_dump({"schema": "2.0", "stages": self.stages}, sort_keys=False)
        (self.path / "dvc.lock").write_text(text)
        self.hour += 1
        self.env["GIT_COMMITTER_DATE"] = f"2026-01-01T{self.hour:02}:00:00Z"
        return self.commit("lock")

    def receipt(self, image: str) -> str:
        """Write a receipt and return its md5."""
        text = json.dumps({"image": image, "digest": "sha256:1", "git": "g", "dvc": "d"})
        (self.path / "serving").mkdir(exist_ok=True)
        (self.path / "serving/image.json").write_text(text)
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "history")


def record(stage: str, hour: float, deps: Files, outs: Files, **values: object) -> RunRecord:
    minutes = round(hour * 60)
    time = f"2026-01-01T{minutes // 60:02}:{minutes % 60:02}:00+00:00"
    content = {
        kind: {path: Item(md5, 10) for path, md5 in files.items()}
        for kind, files in (("deps", deps), ("outs", outs))
    }
    made = {"started": time, "state": "done", "seconds": 75.0, "rows": 1234, "bytes_in": 2_500}
    made |= {"bytes_out": 10, **content, **values}
    return replace(RunRecord.begin(stage), **made)


def as_tuples(jobs: list[Job]) -> list[tuple]:
    return [(job.stage, job.time[11:13], job.started is not None, job.recorded) for job in jobs]


def test_nothing_is_known_without_a_repository_a_commit_or_a_lock(
    tmp_path: Path, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert list_jobs([], tmp_path) == []
    assert list_jobs([], history.path) == []
    running = RunRecord.begin("split")
    assert [job.state for job in list_jobs([running], history.path)] == ["running"]
    history.commit("no lock")
    assert list_jobs([], history.path) == []
    (history.path / "dvc.lock").write_text("<<<<<<< HEAD\n")
    history.commit("conflict")
    assert list_jobs([], history.path) == []


def test_every_commit_that_changed_an_entry_is_a_job(history: History) -> None:
    first = history.lock_and_commit(split=({"raw": "a"}, {"out": "1"}))
    second = history.lock_and_commit(train=({"out": "1"}, {"model": "2"}))
    history.commit("something else")
    third = history.lock_and_commit(split=({"raw": "b"}, {"out": "3"}))
    fourth = history.lock_and_commit(split=({"raw": "a"}, {"out": "1"}))
    history.run("git", "config", "log.follow", "true")  # changes what a parent is
    assert as_tuples(list_jobs([], history.path)) == [
        ("split", "04", False, fourth),
        ("split", "03", False, third),
        ("train", "02", False, second),
        ("split", "01", False, first),
    ]
    for job in list_jobs([], history.path):  # a lock does not record runs
        assert not job.dirty
        assert (job.seconds, job.commit, job.user, job.rows) == (None,) * 4
        assert (job.bytes_in, job.bytes_out, job.state) == (10, 10, "done")
    clone = history.path.parent / "clone"
    history.run("git", "clone", "--quiet", "--depth=1", history.path.as_uri(), str(clone))
    assert [job.recorded for job in list_jobs([], clone)] == [fourth, fourth]


def test_the_output_of_a_job_is_the_largest(history: History) -> None:
    outs = {"small": Item("1", 1), "large": Item("2", 9), "new": Item("3")}
    for content, output in ((outs, "2"), ({}, None)):
        (job,) = list_jobs([replace(RunRecord.begin("split"), outs=content)], history.path)
        assert job.output == output


def test_a_record_with_other_outputs_than_the_lock_is_a_job_of_its_own(history: History) -> None:
    commit = history.lock_and_commit(split=({"raw": "a"}, {"out": "1"}))
    run = record("split", 0.5, {"raw": "a"}, {"out": "2"})
    assert as_tuples(list_jobs([run], history.path)) == [
        ("split", "01", False, commit),
        ("split", "00", True, None),
    ]


def test_a_merge_repeats_nothing(history: History) -> None:
    base = history.lock_and_commit(split=({"raw": "a"}, {"out": "1"}), train=({}, {"m": "1"}))
    history.run("git", "switch", "--quiet", "--create", "side")
    side = history.lock_and_commit(train=({}, {"m": "2"}))
    history.run("git", "switch", "--quiet", "main")
    history.stages["train"]["outs"] = items({"m": "1"})
    main = history.lock_and_commit(split=({"raw": "b"}, {"out": "2"}))
    history.run("git", *WHO, "merge", "--quiet", "--no-commit", "--strategy=ours", "side")
    history.lock_and_commit(train=({}, {"m": "2"}))
    found = as_tuples(list_jobs([], history.path))
    assert [recorded for *_, recorded in found] == [main, side, base, base]


def test_a_record_and_the_entry_with_its_outputs_are_one_job(history: History) -> None:
    good = record("split", 0.5, {"raw": "a"}, {"out": "1"}, commit="c" * 40, dirty=True)
    rerun = record("split", 1.5, {"raw": "b"}, {"out": "1"})
    forced = record("split", 5, {"raw": "b"}, {"out": "1"})
    failed = record("train", 2.5, {"out": "1"}, {}, state="failed", error="no rows")
    first = history.lock_and_commit(split=({"raw": "a"}, {"out": "1"}))
    second = history.lock_and_commit(split=({"raw": "b"}, {"out": "1"}))
    third = history.lock_and_commit(train=({"out": "1"}, {"model": "2"}))
    jobs = list_jobs([failed, rerun, forced, good], history.path)
    assert as_tuples(jobs) == [
        ("split", "05", True, second),
        ("train", "03", False, third),
        ("train", "02", True, None),
        ("split", "01", True, second),
        ("split", "00", True, first),
    ]
    assert (jobs[-1].commit, jobs[-1].dirty, jobs[-1].rows) == ("c" * 40, True, 1234)
    assert jobs[2].error == "no rows"


def test_the_output_of_a_job_is_its_largest(history: History) -> None:
    outs = {"a": Item("1" * 32, 5), "b": Item("2" * 32, 7)}
    (job,) = list_jobs([replace(record("split", 1, {}, {}), outs=outs)], history.path)
    assert job.output == "2" * 32
    (job,) = list_jobs([record("split", 1, {}, {})], history.path)
    assert job.output is None


@pytest.fixture
def shipped(history: History, monkeypatch: pytest.MonkeyPatch) -> History:
    """Enter a history of two images; of the second there is a record."""
    first = history.receipt("host/name:one")
    history.lock_and_commit(
        split=({"raw": "a"}, {"out": "1"}),
        train=({"out": "1"}, {"model": "2"}),
        export=({"model": "2"}, {"serving/image.json": first}),
    )
    history.lock_and_commit(split=({"raw": "b"}, {"out": "3"}))
    history.lock_and_commit(split=({"raw": "c"}, {"out": "1"}))
    second = history.receipt("host/name:two")
    history.lock_and_commit(
        train=({"out": "1"}, {"model": "4"}),
        export=({"model": "4"}, {"serving/image.json": second}),
    )
    monkeypatch.chdir(history.path)
    for run in (
        record("train", 3.5, {"out": "1"}, {"model": "4"}),
        record("train", 3.6, {}, {}, state="failed", error="no room", rows=None),
        record("export", 3.7, {"model": "4"}, {"serving/image.json": second}, rows=None),
    ):
        runs.write(run, RUNS)
    return history


def test_an_image_is_led_back_to_the_jobs_that_it_was_made_by(shipped: History) -> None:
    jobs = list_jobs(runs.read_all(RUNS), shipped.path)
    of_two = [("export", "03"), ("train", "03"), ("split", "03")]
    of_one = [("export", "01"), ("train", "01"), ("split", "01")]
    for reference, expected in (("host/name:two", of_two), ("one", of_one), ("three", [])):
        found = [(job.stage, job.time[11:13]) for job in led_to(reference, jobs)]
        assert found == expected


@pytest.fixture
def listed(shipped: History) -> Callable:  # noqa: ARG001 -- it enters the folder
    def invoke(*options: str) -> list[str]:
        done = CliRunner().invoke(command, options, catch_exceptions=False, standalone_mode=False)
        return done.output.splitlines()

    return invoke


def test_the_table_is_aligned_and_limited(listed: Callable) -> None:
    head, *rows, note = listed("-n", "3")
    assert len(rows) == 3
    assert note == "note: 5 more, shown by -n 0"
    for row in rows:
        assert row[head.index("started") :].startswith("2026-01-01 03:")
        assert row[head.index("state") :].startswith(("done", "failed"))
    export, failed, train = rows
    assert export.endswith("done    host/name:two")
    assert failed.endswith("failed  no room")
    assert train.split()[:2] == ["train", "4"]
    assert "1 min 15 s  1,234  2.5 kB  10 B  done" in train
    assert len(listed("-n", "0")) == 9


def test_options_choose(listed: Callable) -> None:
    assert [row.split()[0] for row in listed("--image", "two")] == [
        "stage", "export", "train", "split",
    ]  # fmt: skip
    assert len(listed("--stage", "split")) == 4
    jobs = json.loads("\n".join(listed("--stage", "train", "--json")))
    assert [job["state"] for job in jobs] == ["failed", "done", "done"]
    assert jobs[1]["output"] == "4"
    assert jobs[1]["deps"] == {"out": {"md5": "1", "size": 10}}
    assert len(listed("--stage", "deploy")) == 1, "without dvc.yaml any stage can be asked for"
    Path("dvc.yaml").write_text("stages: {split: {cmd: x}, publish: {cmd: x}}")
    assert len(listed("--stage", "publish")) == 1, "a stage of this pipeline that never ran"
    with pytest.raises(ParamsError, match=r"--stage must be a stage .* Try: split, publish\."):
        listed("--stage", "deploy")
    with pytest.raises(ArtifactError, match="--image must name an image of this history"):
        listed("--image", "host/name:three")


@pytest.mark.usefixtures("shipped")
def test_a_narrow_terminal_has_fewer_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    command(["-n", "3"], standalone_mode=False)
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[0] == "stage"
    assert head.endswith("state   image or error")
    assert max(map(len, (head, *rows))) <= 80
