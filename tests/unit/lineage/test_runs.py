"""Records of runs: what a file may hold, and what became of a run that does not say."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest

from issuesum.layout import RUNS
from issuesum.lineage.runs import record as runs
from issuesum.lineage.runs.jobs import state_of
from issuesum.lineage.runs.record import RunRecord


def record(stage: str = "train", **values: object) -> RunRecord:
    return replace(RunRecord.begin(stage), **values)


def test_a_run_is_named_by_its_start_and_stage_and_by_chance() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    first, second = record(), record()
    assert before <= datetime.fromisoformat(first.started) <= datetime.now(UTC)
    assert first.started.endswith("+00:00")
    assert runs.NAME.fullmatch(f"{first.id}.json")
    assert first.id.startswith(f"{datetime.fromisoformat(first.started):%Y%m%dT%H%M%SZ}-train-")
    assert first.id != second.id
    unknown = ("seconds", "error", "commit", "user", "device", "rows", "image")
    assert {getattr(first, name) for name in unknown} == {None}
    assert (first.state, first.host, first.pid) == ("running", socket.gethostname(), os.getpid())


def test_a_run_is_lost_when_its_process_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    assert state_of(record()) == "running"
    assert state_of(record(pid=process.pid)) == "lost"
    assert state_of(record(pid=process.pid, state="done")) == "done"
    assert state_of(record(pid=process.pid, state="failed")) == "failed"
    assert state_of(record(pid=1)) == "running"  # of somebody else, but there


@pytest.mark.parametrize(("days", "state"), [(0, "running"), (6.9, "running"), (7.1, "lost")])
def test_a_run_elsewhere_is_lost_when_it_was_silent_for_a_week(days: float, state: str) -> None:
    started = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    # A process of that number may well be here.
    assert state_of(record(host="elsewhere", started=started)) == state


def test_what_was_written_is_read_and_the_newest_comes_first(tmp_path: Path) -> None:
    assert runs.read_all(tmp_path / "absent") == []
    assert runs.last_runs(tmp_path).get("train") is None
    times = [f"2026-01-0{day}T00:00:00+00:00" for day in (2, 3, 1, 4)]
    states = ["done", "done", "done", "failed"]
    written = [record(started=t, state=s) for t, s in zip(times, states, strict=True)]
    other = record("post_process-2", started="2026-01-05T00:00:00+00:00", state="done")
    for run in [*written, other]:
        runs.write(run, tmp_path)
    assert runs.read_all(tmp_path) == [other, written[3], written[1], written[0], written[2]]
    assert runs.last_runs(tmp_path).get("train") == written[1]
    assert runs.last_runs(tmp_path).get("build") is None
    runs.write(replace(written[1], rows=5), tmp_path)
    assert len(runs.read_all(tmp_path)) == 5
    assert runs.last_runs(tmp_path).get("train") == replace(written[1], rows=5)


def test_of_runs_that_began_together_the_order_is_that_of_their_names(tmp_path: Path) -> None:
    started = "2026-01-02T00:00:00+00:00"
    same = [record(id=f"20260102T000000Z-train-00000{n}", started=started) for n in (1, 3, 2)]
    for run in same:
        runs.write(run, tmp_path)
    assert [run.id[-1] for run in runs.read_all(tmp_path)] == ["3", "2", "1"]


def test_a_file_of_another_name_or_content_is_none(tmp_path: Path) -> None:
    run = record()
    content = json.dumps(asdict(run)).encode()
    assert runs.parse(content, f"{run.id}.json") == run
    assert runs.parse(content, f"{record().id}.json") is None
    assert runs.parse(content, f"../{run.id}.json") is None
    assert runs.parse(b"{", f"{run.id}.json") is None
    for wrong in ({"format": 2}, {"state": "new"}, {"id": "x"}, {"pid": "one"}):
        broken = json.dumps(asdict(run) | wrong).encode()
        assert runs.parse(broken, f"{wrong.get('id', run.id)}.json") is None
    runs.write(run, tmp_path)
    (tmp_path / "other.json").write_bytes(content)
    (tmp_path / f"{run.id}.txt").write_bytes(content)
    (tmp_path / "folder.json").mkdir()
    assert runs.read_all(tmp_path) == [run]


def test_records_lie_where_git_does_not_look(root: Path) -> None:
    assert f"/{RUNS.parts[0]}/" in (root / ".gitignore").read_text().splitlines()
    assert RUNS.parts[1:] == ("runs",)


def test_a_run_that_ended_does_not_change_any_more() -> None:
    assert set(runs.FINISHED) == set(get_args(runs.State)) - {"running", "lost"}


def test_a_refusal_is_recognised_by_how_it_begins() -> None:
    assert runs.is_refusal("The model must pass the gate. Received: ROUGE-L 1.0.")
    assert not runs.is_refusal("It says: The model must pass the gate.")
