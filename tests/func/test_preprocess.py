"""Preprocess on real issues: which shards are reused, on which workers, and what it refuses."""

from __future__ import annotations

import csv
import gzip
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path

import pytest

from issuesum.training.corpus.issue import COLUMNS
from projects import Project, copy_project

pytestmark = pytest.mark.slow

COMMAND = ("python", "-m", "issuesum.stages", "preprocess")
ENTRIES = ".issuesum/cache/tokens"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Project:
    """Return a project with 1,250 of the original's issues cut at 600, preprocessed."""
    folder = tmp_path_factory.mktemp("preprocess")
    made = copy_project(folder / "project")
    made.edit("params.yaml", lambda text: text.replace("shard_rows: 2000", "shard_rows: 600"))
    with (shared / "data/github_issues_medium.csv").open(encoding="utf-8", newline="") as file:
        _write(folder / "issues.csv", islice(csv.DictReader(file), 1250))
    made.issuesum("ingest", str(folder / "issues.csv"), "--force")
    made.stage("split")
    made.stage("preprocess")
    made.commit("begin")
    return made


def _write(path: Path, issues: Iterable[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(issues)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _outputs(project: Project) -> dict[str, bytes]:
    return {
        **_bytes(project.path / "data/features"),
        **_bytes(project.path / "eval/data"),
        "data.json": (project.path / "eval/data.json").read_bytes(),
    }


@pytest.fixture(scope="module")
def growing(
    project: Project, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Project, str]:
    """Return a copy with more issues appended, and what preprocess printed there.

    Of 500 rows 19 are there already, so 481 are new.
    """
    folder = tmp_path_factory.mktemp("grown")
    copy = project.copy(folder / "project")
    with gzip.open(shared / "data/issues_35k.csv.gz", "rt", encoding="utf-8", newline="") as file:
        _write(folder / "new.csv", islice(csv.DictReader(file), 500))
    copy.issuesum("ingest", "--append", str(folder / "new.csv"))
    copy.stage("split")
    return copy, copy.stage("preprocess").stdout


def test_adding_500_rows_moves_no_old_row_and_reuses_old_shards(
    project: Project, growing: tuple[Project, str]
) -> None:
    grown, printed = growing
    before, after = _sides(project), _sides(grown)
    assert before.items() <= after.items()
    assert len(after) > len(before) + 400

    assert (
        "preprocess: train: 3 shards: 2 reused (part-00000 to part-00001), "
        "1 tokenised (part-00002)\n"
    ) in printed
    again = grown.stage("preprocess").stdout
    assert "train: 3 shards: 3 reused (part-00000 to part-00002), 0 tokenised\n" in again

    kept = _outputs(grown)
    shutil.rmtree(grown.path / ENTRIES)
    grown.stage("preprocess")
    assert _outputs(grown) == kept


def _sides(project: Project) -> dict[tuple[str, str], str]:
    import pandas as pd

    found = {}
    for path in (project.path / "data/split").glob("*/*.parquet"):
        frame = pd.read_parquet(path)
        for issue in zip(frame["issue_title"], frame["body"], strict=True):
            found[issue] = path.parent.name
    return found


def test_three_workers_give_the_same_bytes(project: Project, tmp_path: Path) -> None:
    expected = _outputs(project)
    project.edit("params.yaml", lambda text: text.replace("workers: 0", "workers: 3"))
    try:
        done = project.run(*COMMAND, ISSUESUM_CACHE=str(tmp_path / "cache"))
    finally:
        project.run("git", "checkout", "params.yaml")
    assert done.stderr == ""
    assert "train: 3 shards: 0 reused, 3 tokenised" in done.stdout
    assert _outputs(project) == expected


@contextmanager
def _dask(folder: Path, *command: str, count: int = 1) -> Iterator[list[subprocess.Popen]]:
    """Start processes of Dask, each with a working folder of its own, and kill them at the end."""
    with ExitStack() as stack:
        processes = []
        for number in range(count):
            own = folder / f"process-{number}"
            own.mkdir()
            with (own / "log").open("w") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "dask", *command, "--no-dashboard"],
                    cwd=own,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            stack.callback(process.wait)
            stack.callback(process.kill)
            processes.append(process)
        yield processes


@contextmanager
def _scheduler(folder: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with _dask(folder, "scheduler", "--host", "127.0.0.1", "--port", port) as (process,):
        yield f"tcp://127.0.0.1:{port}", process


@contextmanager
def _workers(folder: Path, address: str, count: int = 1) -> Iterator[list[subprocess.Popen]]:
    options = ("--nthreads", "2", "--no-nanny", "--local-directory", "scratch")
    with _dask(folder, "worker", address, *options, count=count) as processes:
        yield processes


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a scheduler for all tests that leave it alive."""
    with _scheduler(tmp_path_factory.mktemp("scheduler")) as (address, _):
        yield address


@pytest.fixture(scope="module")
def many_shards(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project with the same issues in shards of 25 rows, preprocessed in one process."""
    copy = project.copy(tmp_path_factory.mktemp("many") / "project")
    copy.edit("params.yaml", lambda text: text.replace("shard_rows: 600", "shard_rows: 25"))
    copy.stage("split")
    copy.stage("preprocess")
    return copy


def _wait_for_an_entry(cache: Path, stage: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while not list(cache.rglob("words.arrow")) and time.monotonic() < deadline:
        assert stage.poll() is None, stage.communicate()
        time.sleep(0.01)


def test_a_cluster_gives_the_same_bytes_and_killing_a_worker_costs_only_time(
    many_shards: Project, tmp_path: Path, scheduler: str
) -> None:
    expected = _outputs(many_shards)
    cache = tmp_path / "cache"
    with _workers(tmp_path, scheduler, count=2) as workers:
        done = many_shards.run(
            *COMMAND, ISSUESUM_SCHEDULER=scheduler, ISSUESUM_CACHE=str(tmp_path / "first")
        )
        assert "train: 50 shards: 0 reused, 50 tokenised" in done.stdout
        assert _outputs(many_shards) == expected
        for number in range(2):
            names = {path.name for path in (tmp_path / f"process-{number}").iterdir()}
            assert names <= {"log", "scratch"}  # nothing but what Dask itself writes
        stage = many_shards.start(*COMMAND, ISSUESUM_SCHEDULER=scheduler, ISSUESUM_CACHE=str(cache))
        _wait_for_an_entry(cache, stage)
        workers[0].kill()
        done_before = len(list(cache.rglob("words.arrow")))
        output, errors = stage.communicate(timeout=300)
    assert 0 < done_before < 90, "the worker was to be killed in the middle"
    assert stage.returncode == 0, errors
    assert "train: 50 shards: 0 reused, 50 tokenised" in output
    assert _outputs(many_shards) == expected


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("data/split/train/part-00001.parquet", b"PAR1 cut", "must be a Parquet shard"),
        ("data/split/summary.json", b"{", "must be the split stage's summary"),
        ("eval/data.json", None, "Inputs must be readable and outputs writable"),
        ("params.yaml", b"preprocess: 1", "params.yaml must match issuesum.stages.params"),
    ],
)
def test_what_it_cannot_work_with_is_one_line_and_changes_nothing(
    path: str, content: bytes | None, message: str, project: Project, tmp_path: Path
) -> None:
    before = _outputs(project)
    target, kept = project.path / path, tmp_path / "kept"
    shutil.move(target, kept)
    if content is None:
        target.mkdir()  # in the way of the file that is to be written
    else:
        target.write_bytes(content)
    try:
        done = project.stage("preprocess", ok=False)
    finally:
        target.rmdir() if content is None else target.unlink()
        shutil.move(kept, target)
    assert done.returncode in (2, 4)
    assert (done.stderr.count("\n"), done.stderr[:18]) == (1, "error: preprocess:")
    assert message in done.stderr
    if content is not None:
        assert _outputs(project) == before


IMPATIENT = """
from issuesum.training.features import cluster
from issuesum.stages import preprocess
from issuesum.stages.runner import run
cluster._PATIENCE = 2
run('preprocess', preprocess.main)
"""
WORKER_DIES_WITH_A_RESULT = """
import distributed, os, signal
gather = distributed.Client._gather
def kill_and_gather(*arguments, **options):
    os.kill(int(os.environ['WORKER']), signal.SIGKILL)
    return gather(*arguments, **options)
distributed.Client._gather = kill_and_gather
"""


@pytest.mark.parametrize("lost", ["workers", "results", "scheduler"])
def test_a_cluster_that_is_lost_is_one_line(
    lost: str, many_shards: Project, tmp_path: Path, scheduler: str
) -> None:
    expected = _outputs(many_shards)
    cache = tmp_path / "cache"
    script = WORKER_DIES_WITH_A_RESULT + IMPATIENT if lost == "results" else IMPATIENT
    with ExitStack() as stack:
        address, server = scheduler, None
        if lost == "scheduler":
            (tmp_path / "scheduler").mkdir()
            address, server = stack.enter_context(_scheduler(tmp_path / "scheduler"))
        (worker,) = stack.enter_context(_workers(tmp_path, address))
        stage = many_shards.start(
            "python", "-c", script, WORKER=str(worker.pid),
            ISSUESUM_SCHEDULER=address, ISSUESUM_CACHE=str(cache),
        )  # fmt: skip
        if lost != "results":
            _wait_for_an_entry(cache, stage)
            (server or worker).kill()
        try:
            _, errors = stage.communicate(timeout=120)
        finally:
            stage.kill()
    assert stage.returncode == 9, errors
    assert errors.startswith(f"error: preprocess: The Dask scheduler at {address} must answer")
    assert errors.count("\n") == 1, errors
    assert _outputs(many_shards) == expected


def test_without_a_scheduler_it_says_so_in_one_line(project: Project, tmp_path: Path) -> None:
    before = _outputs(project)
    done = project.run(
        "python", "-c", IMPATIENT, ok=False,
        ISSUESUM_SCHEDULER="tcp://127.0.0.1:1", ISSUESUM_CACHE=str(tmp_path / "cache"),
    )  # fmt: skip
    assert done.returncode == 9
    assert done.stderr.startswith("error: preprocess: The Dask scheduler at tcp://127.0.0.1:1 must")
    assert done.stderr.count("\n") == 1
    assert _outputs(project) == before


def test_too_many_unknown_words_fail_by_name_of_limit_and_rows(project: Project) -> None:
    before = _outputs(project)
    project.edit("params.yaml", lambda text: text.replace("unknown: 0.6", "unknown: 0.0 "))
    try:
        done = project.stage("preprocess", ok=False)
    finally:
        project.run("git", "checkout", "params.yaml")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1), done.stderr
    assert "preprocess.limits.unknown" in done.stderr
    assert re.search(r"rows with most are \d+ \(\d+%\), ", done.stderr)
    assert _outputs(project) == before


def test_the_report_shows_how_new_data_differs_from_that_of_the_last_commit(
    project: Project, growing: tuple[Project, str]
) -> None:
    grown, _ = growing
    first = json.loads((project.path / "eval/data.json").read_text(encoding="utf-8"))
    assert first["drift"] is None
    assert (first["rows"]["read"], first["rows"]["repeated"]) == (1250, 24)
    assert first["languages"]["shares"]["en"] > 0.8
    assert 0.5 < first["copyable"] < 0.7  # 58 % of title words occur in the body

    found = json.loads((grown.path / "eval/data.json").read_text(encoding="utf-8"))
    commit = grown.run("git", "rev-parse", "HEAD").stdout.strip()
    assert (found["drift"]["commit"], found["drift"]["rows_added"]) == (commit, 481)
    assert 0 < found["drift"]["body"]["length_distance"] < 1
    assert commit[:7] in (grown.path / "eval/data/report.html").read_text(encoding="utf-8")

    before = _outputs(grown)
    grown.edit("params.yaml", lambda text: text.replace("drift: 1 ", "drift: 0 "))
    try:
        done = grown.stage("preprocess", ok=False)
    finally:
        grown.run("git", "checkout", "params.yaml")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1), done.stderr
    assert f"from those of commit {commit[:12]}" in done.stderr
    assert "; +481 rows." in done.stderr
    assert (grown.path / ".issuesum/refused/report.html").is_file()
    assert _outputs(grown) == before


def test_a_run_after_the_commit_gives_the_same_bytes(
    growing: tuple[Project, str], tmp_path: Path
) -> None:
    grown, _ = growing
    before = _outputs(grown)
    committed = grown.copy(tmp_path / "committed")
    committed.commit("grow")
    committed.stage("preprocess")
    assert _outputs(committed) == before
