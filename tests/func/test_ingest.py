"""`issuesum ingest` and `issuesum sample` in real Git and DVC repositories."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from zc.lockfile import LockFile

import projects
from issuesum.lineage.dependencies import Content
from issuesum.lineage.dvc import Item
from issuesum.lineage.tracking import check_current

RAW = Path("data/raw/github_issues.csv")
REJECTS = Path("data/raw/rejects.csv")
HEADER = "issue_url,issue_title,body\n"
SMALL = HEADER + "https://example.org/1,First,one\nhttps://example.org/2,Second,two\n"
OTHER = HEADER + '"""https://example.org/3""",Third,three\n,Fourth,four\n'
OTHER_STORED = HEADER + "https://example.org/3,Third,three\n,Fourth,four\n"


class Project:
    """A Git and DVC repository, and the command run at its root."""

    def __init__(self, root: Path, copied: Path | None = None) -> None:
        self.root = root
        if copied:
            shutil.copytree(copied, root, symlinks=True)
        (root / "small.csv").write_text(SMALL)
        (root / "other.csv").write_text(OTHER)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return projects.Project(self.root).run(*command, ok=False)

    def issuesum(self, *arguments: str) -> str:
        done = self._issuesum(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    def _issuesum(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # DVC's start takes a process of its own longer than all the rest.
        return projects.Project(self.root).issuesum(*arguments, ok=False, NO_PROXY="127.0.0.1")

    def refusal(self, *arguments: str) -> tuple[int, str]:
        """Run a command that must fail and return its exit code and its one line."""
        done = self._issuesum(*arguments)
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1, done.stderr
        return done.returncode, done.stderr

    def recorded(self) -> str:
        pointer = yaml.safe_load((self.root / f"{RAW}.dvc").read_text())
        return pointer["outs"][0]["md5"]

    @property
    def data(self) -> bytes:
        return (self.root / RAW).read_bytes()


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.fixture(scope="module")
def repositories(tmp_path_factory) -> dict[str, Path]:
    """A repository without data and one that tracks small.csv: starting DVC takes seconds."""
    empty = Project(tmp_path_factory.mktemp("empty"))
    for command in (["git", "init", "--quiet"], ["dvc", "init", "--quiet"]):
        done = empty.run(*command)
        assert done.returncode == 0, done.stderr
    with (empty.root / ".dvc" / "config").open("a") as config:
        config.write("[core]\n    analytics = false\n")
    tracking = Project(tmp_path_factory.mktemp("tracking") / "copy", empty.root)
    tracking.issuesum("ingest", "small.csv")
    return {"empty": empty.root, "tracking": tracking.root}


@pytest.fixture
def project(tmp_path, repositories) -> Project:
    """A DVC repository without data."""
    return Project(tmp_path / "project", repositories["empty"])


@pytest.fixture
def tracking(tmp_path, repositories) -> Project:
    """A DVC repository whose raw data are those of small.csv."""
    return Project(tmp_path / "project", repositories["tracking"])


def test_ingest_twice_then_append(project):
    report = project.issuesum("ingest", "small.csv")
    assert project.data == SMALL.encode()
    assert project.recorded() == md5(project.data)
    assert report == (
        "read         2 rows of small.csv\n"
        "accepted     2 rows\n"
        "rejected     0 rows\n"
        "repeated     0 rows repeat an earlier (title, body); "
        "the split stage keeps each pair once\n"
        "without URL  0 rows\n"
        f"file         {RAW}, 2 rows\n"
        f"md5          {md5(project.data)}\n"
        "next         git commit -a, then issuesum retrain --no-push or dvc repro\n"
    )

    project.issuesum("ingest", "other.csv")
    assert project.data == OTHER_STORED.encode()

    report = project.issuesum("ingest", "--append", "small.csv")
    assert project.data == (OTHER_STORED + SMALL.removeprefix(HEADER)).encode()
    assert project.recorded() == md5(project.data)
    assert f"file         {RAW}, 4 rows\n" in report
    assert project.run("dvc", "status").stdout == "Data and pipelines are up to date.\n"


def test_earlier_data_can_come_back(tracking):
    versions = {}
    for name in ("small.csv", "other.csv"):
        tracking.issuesum("ingest", name)
        projects.Project(tracking.root).commit(name)
        versions[name] = tracking.recorded()
    tracking.issuesum("ingest", "small.csv")
    staged = tracking.run("git", "diff", "--cached", "--name-only").stdout
    assert staged == f"{RAW}.dvc\n"
    content = {str(RAW): Content(Item(versions["small.csv"], 1), {})}
    check_current(content, tracking.root)  # what a stage asks first
    assert tracking.recorded() == versions["small.csv"]


def test_rejects_are_reported_and_disappear_with_the_next_good_source(project):
    (project.root / "bad.csv").write_text(SMALL + "u,,no title\nu,t,\n" + "u,,none either\n")
    report = project.issuesum("ingest", "bad.csv")
    assert "rejected     3 rows\n" in report
    assert f"{'':<12} 2 because of: empty title\n" in report
    assert f"{'':<12} see {REJECTS}\n" in report
    assert "3,empty title,u,,no title\n" in (project.root / REJECTS).read_text()
    project.issuesum("ingest", "small.csv")
    assert not (project.root / REJECTS).exists()


@pytest.mark.parametrize("link", ["reflink,copy", "hardlink", "symlink"])
def test_cached_data_survives_the_next_ingest(project, link):
    project.run("dvc", "config", "cache.type", link)
    project.issuesum("ingest", "small.csv")
    first = project.recorded()
    cached = project.root / ".dvc" / "cache" / "files" / "md5" / first[:2] / first[2:]
    project.issuesum("ingest", "other.csv")
    assert project.data == OTHER_STORED.encode()
    assert cached.read_bytes() == SMALL.encode()


def test_broken_source_leaves_everything_as_it_was(tracking):
    pointer = (tracking.root / f"{RAW}.dvc").read_bytes()
    (tracking.root / "cut.csv").write_text(SMALL + 'u,t,"cut he')
    code, line = tracking.refusal("ingest", "cut.csv")
    assert code == 3
    assert "cut.csv must close every quoted field" in line
    assert tracking.data == SMALL.encode()
    assert (tracking.root / f"{RAW}.dvc").read_bytes() == pointer
    assert sorted(path.name for path in (tracking.root / RAW).parent.iterdir()) == [
        ".gitignore",
        "github_issues.csv",
        "github_issues.csv.dvc",
    ]


@pytest.mark.parametrize("command", [["ingest", "small.csv"], ["sample"]], ids=["ingest", "sample"])
def test_outside_of_a_dvc_repository_nothing_is_written(tmp_path, command):
    project = Project(tmp_path)
    code, line = project.refusal(*command)
    assert code == 8
    assert "must be inside a DVC repository" in line
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", [["ingest", "other.csv"], ["sample", "--rows", "5"]])
def test_edits_that_were_never_tracked_are_not_lost(tracking, command):
    edited = SMALL.encode() + b",Mine,typed by hand\n"
    (tracking.root / RAW).write_bytes(edited)
    code, line = tracking.refusal(*command)
    assert code == 8
    assert "Received: other bytes. Try: dvc add" in line
    assert tracking.data == edited
    tracking.issuesum(*command, "--force")
    assert tracking.data != edited


def test_file_that_was_never_tracked_is_not_lost(project):
    (project.root / RAW).parent.mkdir(parents=True)
    (project.root / RAW).write_text(OTHER)
    code, line = project.refusal("ingest", "small.csv")
    assert code == 8
    assert "Received: a file that was never tracked" in line
    assert project.data == OTHER.encode()


def test_append_needs_the_data_that_it_appends_to(tracking):
    (tracking.root / RAW).unlink()
    code, line = tracking.refusal("ingest", "--append", "other.csv")
    assert code == 8
    assert f"Try: dvc pull {RAW}" in line
    assert not (tracking.root / RAW).exists()
    assert tracking.recorded() == md5(SMALL.encode())


def test_lock_of_another_dvc_command_is_one_line(tracking):
    with contextlib.closing(LockFile(str(tracking.root / ".dvc" / "tmp" / "lock"))):
        code, line = tracking.refusal("ingest", "other.csv")
    assert code == 8
    assert "Unable to acquire lock" in line
    assert "nothing was changed" in line
    assert "Try: the same command again" in line
    assert tracking.data == SMALL.encode()
    assert tracking.recorded() == md5(tracking.data)


class _Handler(BaseHTTPRequestHandler):
    """Serves one gzipped CSV, whole or cut while claiming its full length."""

    content = gzip.compress(OTHER.encode())

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        if self._answer():
            self.wfile.write(self.content[:20] if self.path == "/short.csv.gz" else self.content)

    def _answer(self) -> bool:
        if self.path == "/absent.csv.gz":
            self.send_error(404)
            return False
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        return True

    def log_message(self, *_: object) -> None:
        """Keep the output of the tests clean."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_url_is_downloaded(project, server):
    report = project.issuesum("ingest", f"{server}/issues.csv.gz")
    assert report.startswith(f"read         2 rows of {server}/issues.csv.gz\n")
    assert "without URL  1 rows\n" in report
    assert project.data == OTHER_STORED.encode()


@pytest.mark.parametrize(
    ("name", "reason"),
    [("short.csv.gz", "Not enough data to satisfy content length"), ("absent.csv.gz", "not found")],
)
def test_url_that_ends_short_or_is_absent_changes_nothing(tracking, server, name, reason):
    code, line = tracking.refusal("ingest", f"{server}/{name}")
    assert code == 3
    assert reason in line
    assert tracking.data == SMALL.encode()


def test_sample_gives_the_same_data_again_after_a_clone(project):
    report = project.issuesum("sample", "--rows", "30", "--seed", "7")
    content, digest = project.data, project.recorded()
    assert report == (
        f"file         {RAW}, 30 rows, seed 7\nmd5          {digest}\nnext         dvc repro\n"
    )
    (project.root / RAW).unlink()
    project.issuesum("sample", "--rows", "30", "--seed", "7")
    assert project.data == content
    assert project.recorded() == digest


@pytest.mark.parametrize("pulled", [True, False], ids=["data-there", "data-not-pulled"])
def test_sample_does_not_take_the_place_of_other_data(tracking, pulled):
    if not pulled:
        (tracking.root / RAW).unlink()
    code, line = tracking.refusal("sample", "--rows", "30")
    assert code == 8
    assert "Received: other data" in line
    assert f"Try: dvc pull {RAW}" in line
    assert tracking.recorded() == md5(SMALL.encode())
    assert (tracking.root / RAW).exists() == pulled
    tracking.issuesum("sample", "--rows", "30", "--force")
    assert tracking.recorded() == md5(tracking.data) != md5(SMALL.encode())


def test_verbose_shows_the_traceback(project):
    done = project.run("issuesum", "-v", "ingest", "absent.csv")
    assert done.returncode == 3
    assert "Traceback" in done.stderr
    assert "DataError: absent.csv must be a file" in done.stderr


def test_data_that_the_cache_has_lost_are_kept_before_they_are_replaced(tracking):
    shutil.rmtree(tracking.root / ".dvc/cache")
    tracking.issuesum("ingest", "other.csv")
    kept = md5(SMALL.encode())
    assert (tracking.root / f".dvc/cache/files/md5/{kept[:2]}/{kept[2:]}").read_bytes() == (
        SMALL.encode()
    )


@pytest.mark.parametrize("command", [("ingest", "../small.csv"), ("sample",)])
def test_in_a_subfolder_nothing_is_written_next_to_the_data(tracking, command):
    folder = tracking.root / "sub"
    folder.mkdir()
    done = projects.Project(folder).issuesum(*command, ok=False)
    assert done.returncode == 8
    assert done.stderr.startswith("error: The command must run at the root of the repository.")
    assert done.stderr.count("\n") == 1
    assert list(folder.iterdir()) == []


def test_a_file_that_is_no_rejects_file_is_not_replaced(tracking):
    notes = tracking.root / "notes.csv"
    notes.write_text("mine\n")
    code, line = tracking.refusal("ingest", "other.csv", "--rejects", "notes.csv")
    assert (code, notes.read_text()) == (3, "mine\n")
    assert "notes.csv must be a rejects file before it is replaced" in line
    assert tracking.data == SMALL.encode()
