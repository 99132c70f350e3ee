"""`kill -9` at random moments of `dvc repro`: a rerun goes on, and ends as if nothing had been."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from projects import Project

pytestmark = pytest.mark.slow

KILLS = 10
WATCHED = ("data", "models", "eval", "serving", ".issuesum", ".dvc/cache", ".dvc/tmp", "dvc.lock")
"""Where a run writes."""
WRITES = 25
"""A kill comes after so many new files at most: ten of them are spread over the whole run."""


def test_after_ten_kills_a_rerun_ends_as_one_that_was_never_disturbed(
    finished: Project, tmp_path: Path
) -> None:
    project = finished.copy(tmp_path / "project")
    undisturbed = project.lock()
    outputs = [out["path"] for stage in undisturbed.values() for out in stage["outs"]]
    project.run("rm", "-rf", *outputs, "dvc.lock", ".issuesum", ".dvc/cache", ".dvc/tmp")
    project.run("dvc", "add", "data/raw/github_issues.csv")
    choose = random.Random(2018)  # noqa: S311 -- moments, not secrets

    struck = []
    for _ in range(KILLS):
        struck.append(_kill(project, choose.randint(1, WRITES), choose.uniform(0, 0.3)))
        _mend(project)
        for stage, entry in _locked(project).items():
            assert entry == undisturbed[stage], f"{stage} was recorded with other outputs"
    assert len(set(struck)) > 2, f"the kills fell on {struck} alone"

    project.repro("evaluate")
    assert project.lock() == undisturbed
    status = project.run("dvc", "status", "--with-deps", "evaluate").stdout
    assert status == "Data and pipelines are up to date.\n"


def _kill(project: Project, writes: int, later: float) -> str:
    """Begin or go on with the run, kill it some time after so many new files, return the stage."""
    log = project.path / "tmp/repro.log"
    log.parent.mkdir(exist_ok=True)
    with (
        log.open("wb") as file,
        subprocess.Popen(
            ["dvc", "repro", "evaluate"],
            cwd=project.path,
            env=project.env,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        known = _files(project.path)
        seen: set[str] = set()
        end = time.monotonic() + 300
        while len(seen) < writes:
            assert process.poll() is None, f"ended before it was killed: {log.read_text()}"
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.02)
            seen |= _files(project.path) - known
        time.sleep(later)
        assert process.poll() is None, f"ended before it was killed: {log.read_text()}"
        os.killpg(process.pid, signal.SIGKILL)
    stages = [line for line in log.read_text().splitlines() if line.startswith("Running stage")]
    return stages[-1].split("'")[1] if stages else ""


def _files(root: Path) -> set[str]:
    """Return everything that lies where a run writes."""
    found = {"dvc.lock"} if (root / "dvc.lock").exists() else set()
    for name in WATCHED:
        for folder, folders, files in os.walk(root / name):
            found.update(os.path.join(folder, of) for of in (*folders, *files))  # noqa: PTH118
    return found


def _mend(project: Project) -> None:
    """Do what docs/restore.md says for the two files that DVC writes in place."""
    for path, load in (
        (project.path / "dvc.lock", lambda text: yaml.safe_load(text)["stages"]),
        (project.path / ".dvc/tmp/rwlock", json.loads),
    ):
        try:
            load(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            pass
        except (ValueError, TypeError, KeyError, yaml.YAMLError):
            path.unlink()


def _locked(project: Project) -> dict:
    return project.lock() if (project.path / "dvc.lock").exists() else {}
