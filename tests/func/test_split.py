"""The split stage and ingest: what they say and leave, and what memory they take."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from projects import Project, copy_project

RAW = "data/raw/github_issues.csv"
HEADER = b"issue_url,issue_title,body\n"
ROWS = b"".join(b"u,title %d,body of %d\n" % (n, n) for n in range(300))
GOOD = HEADER + ROWS


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project whose split stage has run once."""
    project = copy_project(tmp_path_factory.mktemp("split") / "project")
    (project.path / RAW).parent.mkdir(parents=True, exist_ok=True)
    (project.path / RAW).write_bytes(GOOD)
    project.stage("split")
    return project


def _files(project: Project) -> dict[str, bytes]:
    folder = project.path / "data/split"
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".gitignore"
    }


def test_it_leaves_three_sides_and_a_summary_that_dvc_shows(project: Project) -> None:
    (project.path / RAW).write_bytes(GOOD + b"u,title 7,body  OF 7\nu,,b\nu,t\nu,,c\n")
    done = project.run("python", "-m", "issuesum.stages", "split")
    assert done.stderr == ""
    counted, left_out = done.stdout.splitlines()
    summary = json.loads(_files(project)["summary.json"])
    assert list(summary) == ["rows", "rejected", "repeated", "train", "validation", "test"]
    assert counted == (
        f"split: 304 rows: {summary['train']} train, {summary['validation']} validation, "
        f"{summary['test']} test; 1 repeat an earlier issue and are left out"
    )
    assert left_out == "split: 3 rows cannot be used: 2 empty title, 1 too few fields"
    assert sorted(_files(project)) == [
        "summary.json",
        "test/part-00000.parquet",
        "train/part-00000.parquet",
        "validation/part-00000.parquet",
    ]
    shown = project.dvc("metrics", "show", "data/split/summary.json").stdout
    assert "rejected.empty title" in shown


def test_no_rejects_are_no_line_and_an_empty_mapping(project: Project) -> None:
    (project.path / RAW).write_bytes(GOOD)
    done = project.stage("split")
    assert done.stdout.count("\n") == 1
    assert json.loads(_files(project)["summary.json"])["rejected"] == {}
    assert "300" in project.dvc("metrics", "show", "data/split/summary.json").stdout


def test_dvc_called_by_its_path_replaces_all_outputs_one_of_them_on_another_disk(
    project: Project, tmp_path: Path
) -> None:
    copy = project.copy(tmp_path / "project")
    train = copy.path / "data/split/train"
    train.rename(tmp_path / "train")
    train.symlink_to(tmp_path / "train")
    (copy.path / RAW).write_bytes(HEADER + ROWS[: len(ROWS) // 2])
    (copy.path / ".venv").symlink_to(sys.prefix)
    # As an editor calls it: no environment is active, and PATH has no Python of ours.
    dvc = Path(sys.prefix, "bin/dvc")
    copy.run(str(dvc), "repro", "split", PATH="/usr/bin:/bin", VIRTUAL_ENV="")
    assert train.is_symlink()
    read = {name: of for name, of in _files(copy).items() if name.endswith(".parquet")}
    read["train"] = (train / "part-00000.parquet").read_bytes()
    old = _files(project)
    old["train"] = old["train/part-00000.parquet"]
    assert [name for name, content in read.items() if content == old[name]] == []
    assert copy.dvc("status", "split").stdout.endswith("up to date.\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD + b'u,t,"cut he', f"{RAW} must close every quoted field."),
        (GOOD + b"u,t,abc\xe9\n", f"{RAW} must be UTF-8. Received: byte 0xe9 at offset"),
        (b"", f"{RAW} must hold rows of issues. Received: an empty file."),
        (GOOD + b"u,t\n" * 60, "Received: 0.167 (60 of 360): row 301 (too few fields), row 302"),
        (GOOD + 2 * ROWS, "Received: 0.667 (600 of 900): row 301 repeats row 1, row 302"),
    ],
    ids=["cut", "latin-1", "empty", "too-many-rejected", "too-many-repeated"],
)
def test_a_file_that_cannot_be_used_is_one_line_and_changes_nothing(
    content: bytes, message: str, project: Project
) -> None:
    before = _files(project)
    (project.path / RAW).write_bytes(content)
    done = project.stage("split", ok=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("error: split: ")
    assert message in done.stderr
    assert _files(project) == before


_SPLIT = """
targets = {split: folder / split for split in SPLITS}
for target in targets.values():
    target.mkdir(parents=True)
work = lambda: split_csv(source, targets, validation=0.1, test=0.1, shard_rows=2000)
"""
_INGEST = """
folder.mkdir()
work = lambda: ingest([str(source)], folder / "issues.csv", folder / "rejects.csv")
"""
_MEASURE = """
import sys
from pathlib import Path
from issuesum.training.corpus.ingest import ingest
from issuesum.layout import SPLITS
from issuesum.training.corpus.splitting import split_csv
from issuesum.errors import DataError

def peak():
    # Not ru_maxrss: that begins with the peak of the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

source, folder = map(Path, sys.argv[1:])
{prepare}
before = peak()
try:
    work()
except DataError as error:
    print(error, file=sys.stderr)
print(before, peak())
"""
each_way = pytest.mark.parametrize("prepare", [_SPLIT, _INGEST], ids=["split", "ingest"])
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")


def _peaks(prepare: str, source: Path, folder: Path) -> tuple[int, int, str]:
    """Return the peak memory before and after the work, in bytes, and what was printed."""
    code = _MEASURE.format(prepare=prepare)
    done = subprocess.run(
        [sys.executable, "-c", code, str(source), str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    before, after = map(int, done.stdout.split())
    return before, after, done.stderr


@on_linux
@each_way
def test_memory_does_not_grow_with_the_rows(prepare: str, tmp_path: Path) -> None:
    peaks = []
    for rows in (20_000, 200_000):
        source = tmp_path / f"{rows}.csv"
        with source.open("wb") as file:
            file.write(HEADER)
            file.writelines(b"https://example.org/%d,title %d,body\n" % (n, n) for n in range(rows))
        peaks.append(_peaks(prepare, source, tmp_path / f"of-{rows}")[1])
    small, large = peaks
    assert large < 1.2 * small


@on_linux
@each_way
def test_a_field_of_100_mb_takes_less_memory_than_its_own_size(
    prepare: str, tmp_path: Path
) -> None:
    source = tmp_path / "raw.csv"
    for field in (b"word " * 20_000_000, b'"' + b"word\n" * 20_000_000 + b'"'):
        source.write_bytes(GOOD + b"u,t," + field + b"\n")
        before, after, errors = _peaks(prepare, source, tmp_path / f"of-{field[0]}")
        assert "Received: row 301: " in errors
        assert after - before < 100_000_000
