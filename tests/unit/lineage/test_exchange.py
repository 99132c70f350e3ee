"""Records that travel through a DVC remote, here a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from issuesum.errors import RepositoryError
from issuesum.lineage.runs import record as runs
from issuesum.lineage.runs.record import PREFIX, RunRecord, exchange


def clone(folder: Path, remote: str | None) -> Path:
    """Make a DVC repository without Git, whose default remote is `remote`."""
    from dvc.repo import Repo

    folder.mkdir()
    Repo.init(str(folder), no_scm=True).close()
    if remote:
        lines = (
            "[core]",
            "no_scm = True",
            "remote = team",
            "['remote \"team\"']",
            f"url = {remote}",
        )
        (folder / ".dvc/config").write_text("\n".join(lines))
    return folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))


def test_finished_records_reach_the_other_clone_and_nothing_is_sent_twice(tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    first, second = (clone(tmp_path / name, str(remote)) for name in ("first", "second"))
    done = replace(RunRecord.begin("split"), state="done", rows=7)
    failed = replace(RunRecord.begin("train"), state="failed", error="no rows")
    for record in (done, failed, RunRecord.begin("build")):
        runs.write(record, first / "runs")
    assert exchange(first / "runs", first) == (2, 0)
    own = replace(RunRecord.begin("export"), state="done", image="host/name:tag")
    runs.write(own, second / "runs")
    assert exchange(second / "runs", second) == (1, 2)
    assert {run.id: run for run in runs.read_all(second / "runs")} == {
        run.id: run for run in (own, done, failed)
    }
    assert exchange(first / "runs", first) == (0, 1)
    assert exchange(first / "runs", first) == (0, 0)
    assert len(list((remote / PREFIX).iterdir())) == 3


def test_other_files_of_the_remote_are_left_there(tmp_path: Path) -> None:
    remote = tmp_path / "remote" / PREFIX
    remote.mkdir(parents=True)
    (remote / "notes.json").write_text("{}")
    (remote / "20260101T000000Z-split-00000g.json").write_text("{}")
    here = clone(tmp_path / "here", str(remote.parent))
    assert exchange(here / "runs", here) == (0, 0)


def test_a_broken_record_is_not_taken(tmp_path: Path) -> None:
    remote = tmp_path / "remote" / PREFIX
    remote.mkdir(parents=True)
    (remote / "20260101T000000Z-split-000000.json").write_text("{")
    here = clone(tmp_path / "here", str(remote.parent))
    assert exchange(here / "runs", here) == (0, 0)
    assert not (here / "runs").exists()


def test_what_is_missing_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "file").write_text("")
    cases = [
        (tmp_path / "bare", "must be inside a DVC repository"),
        (clone(tmp_path / "alone", None), "DVC must have a default remote. Received: "),
        (clone(tmp_path / "blocked", str(tmp_path / "file")), "must be readable and writable"),
    ]
    runs.write(replace(RunRecord.begin("split"), state="done"), tmp_path / "runs")
    for root, message in cases:
        with pytest.raises(RepositoryError) as caught:
            exchange(tmp_path / "runs", root)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
