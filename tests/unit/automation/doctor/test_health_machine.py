"""Disk, memory, GPUs and clusters, by figures that are handed in."""

from __future__ import annotations

from pathlib import Path

import pytest

from issuesum.automation.doctor.cluster import cluster
from issuesum.automation.doctor.machine import GB, compute, disk, memory, memory_limit, nvidia_gpus

TMP = Path("/tmp")  # noqa: S108 -- only told


@pytest.mark.parametrize(
    ("here", "there", "raw", "status", "words"),
    [
        (10 * GB, 10 * GB, GB, "ok", "10.0 GB free here"),
        (GB, 10 * GB, 0, "note", "may take 2.0 GB"),
        (5 * GB, 10 * GB, GB, "note", "a run on 1 GB of issues may take 6.0 GB"),
        (10 * GB, GB // 2, 0, "note", "0.5 GB in /tmp"),
    ],
)
def test_room_is_judged_by_the_data(
    here: int, there: int, raw: int, status: str, words: str
) -> None:
    found = disk(Path(), here, TMP, there, raw)
    assert found.status == status
    assert words in found.found
    assert bool(found.advice) == (status == "note")
    assert "--workspace" not in found.advice, "what is not pushed would be lost"


@pytest.mark.parametrize(
    ("available", "limit", "status"), [(3, None, "ok"), (3, 1, "note"), (1, 3, "note")]
)
def test_the_smaller_of_memory_and_limit_counts(
    available: int, limit: int | None, status: str
) -> None:
    found = memory(available * GB, limit * GB if limit else None)
    assert found.status == status
    assert ("limit" in found.found) == (limit == 1)


@pytest.mark.parametrize(("content", "limit"), [("max\n", None), ("1024\n", 1024), (None, None)])
def test_the_limit_of_a_container(content: str | None, limit: int | None, tmp_path: Path) -> None:
    file = tmp_path / "memory.max"
    if content:
        file.write_text(content)
    assert memory_limit(file) == limit


@pytest.mark.parametrize(
    ("gpus", "extra", "status"),
    [(None, "cpu", "ok"), (None, "gpu", "note"), ("A100", "cpu", "note"), ("A100", "gpu", "ok")],
)
def test_gpus_and_the_extra_must_go_together(gpus: str | None, extra: str, status: str) -> None:
    assert compute(2, gpus, extra).status == status


def test_gpus_are_asked_of_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert nvidia_gpus() is None
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'A100, 40960 MiB, 550.1'\n")
    program.chmod(0o755)
    assert nvidia_gpus() == "A100, 40960 MiB, 550.1"
    program.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'; exit 9\n")
    assert nvidia_gpus() is None


def test_tf_config_is_for_train_to_check() -> None:
    assert cluster(None, config=False).found.startswith("this machine alone")
    found = cluster(None, config=True)
    assert (found.status, "train checks against its workers" in found.found) == ("note", True)


def test_a_scheduler_is_asked_for_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=0, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=":0"
    ) as running:
        address = running.scheduler_address
        lonely = cluster(address, config=False)
        running.scale(1)
        running.wait_for_workers(1, timeout=20)
        assert cluster(address, config=False).found == f"Dask scheduler {address}: 1 workers"
    assert (lonely.status, lonely.advice) == ("fail", f"dask worker {address}")
    monkeypatch.setattr("issuesum.automation.doctor.cluster._PATIENCE", 0.5)
    gone = cluster(address, config=False)
    assert gone.status == "fail"
    assert f"{address} does not answer" in gone.found
