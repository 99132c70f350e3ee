"""Two people take in data: nobody's rows are lost, and no run goes back to an earlier version."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import projects
from issuesum.automation import doctor
from issuesum.automation.doctor import Clone
from issuesum.layout import RAW

POINTER = f"{RAW}.dvc"
ME = ("-c", "user.name=Test", "-c", "user.email=test@example.com")


def _csv(path: Path, name: str, count: int = 40) -> str:
    rows = [
        f"https://example.org/{name}/{n},title {name} {n},body {name} {n}" for n in range(count)
    ]
    path.write_text("issue_url,issue_title,body\n" + "\n".join(rows) + "\n")
    return path.name


class Clones:
    """A bare repository, a DVC remote, and two clones with the same 40 rows."""

    def __init__(self, folder: Path) -> None:
        self.mine = projects.copy_project(folder / "mine")
        store = folder / "store"
        self.mine.edit(".dvc/config", lambda text: text.replace("s3://issuesum/dvc", str(store)))
        (self.mine.path / POINTER).unlink()
        self.take_in(self.mine, "base")
        origin = folder / "origin"
        self.mine.run("git", "clone", "--quiet", "--bare", ".", str(origin))
        self.mine.run("git", "remote", "add", "origin", str(origin))
        self.mine.run("git", "fetch", "--quiet", "origin")
        self.mine.run("git", "branch", "--quiet", "--set-upstream-to=origin/main")
        self.mine.run("git", "clone", "--quiet", str(origin), str(folder / "theirs"))
        self.theirs = projects.Project(folder / "theirs")
        self.theirs.dvc("pull", "--quiet", POINTER)

    def take_in(self, project: projects.Project, name: str) -> None:
        """Append 40 rows, push them to the remote, and commit."""
        _csv(project.path / "more.csv", name)
        project.issuesum("ingest", "--append", "more.csv")
        (project.path / "more.csv").unlink()
        project.dvc("push", "--quiet", POINTER)
        project.commit(f"data of {name}")


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clones, of which theirs has pushed 40 rows more."""
    folder = tmp_path_factory.mktemp("clones")
    clones = Clones(folder)
    clones.take_in(clones.theirs, "theirs")
    clones.theirs.run("git", "push", "--quiet", "origin", "HEAD:main")
    return folder


@pytest.fixture
def mine(pushed: Path, tmp_path: Path) -> projects.Project:
    return projects.Project(pushed / "mine").copy(tmp_path / "mine")


def _titles(*names: str) -> list[str]:
    return [f"title {name} {n}" for name in names for n in range(40)]


def _in(project: projects.Project) -> list[str]:
    with (project.path / RAW).open(newline="") as file:
        return [row["issue_title"] for row in csv.DictReader(file)]


def test_after_git_pull_the_earlier_data_is_not_taken_for_a_change(mine: projects.Project) -> None:
    mine.run("git", "pull", "--quiet")
    pulled = (mine.path / POINTER).read_text()
    found = doctor._raw_data(Clone(mine.path))
    assert (found.status, found.advice) == ("fail", f"dvc pull {POINTER}")
    done = mine.run("dvc", "repro", "split", ok=False)
    assert done.returncode
    assert f"{RAW} must be the version that {POINTER} records in Git." in done.stderr
    assert (mine.path / POINTER).read_text() == pulled
    assert not (mine.path / "dvc.lock").exists()
    mine.dvc("pull", "--quiet", POINTER)
    assert _in(mine) == _titles("base", "theirs")
    mine.stage("split")


def test_after_git_pull_rows_are_appended_to_the_new_data(mine: projects.Project) -> None:
    mine.run("git", "pull", "--quiet")
    mine.issuesum("ingest", "--append", _csv(mine.path / "more.csv", "mine"))
    assert _in(mine) == _titles("base", "theirs", "mine")
    mine.stage("split")


def test_edits_of_the_earlier_data_are_kept_and_can_be_appended(mine: projects.Project) -> None:
    mine.run("git", "pull", "--quiet")
    raw = mine.path / RAW
    text = raw.read_text()
    raw.unlink()
    raw.write_text(text + "u,title edited,b\n")
    assert doctor._raw_data(Clone(mine.path)).status == "fail"
    _csv(mine.path / "more.csv", "mine")
    done = mine.issuesum("ingest", "--append", "more.csv", ok=False)
    assert done.returncode == 8
    assert f"Try: mv {RAW} edited.csv, dvc checkout {POINTER}" in done.stderr
    raw.rename(mine.path / "edited.csv")
    mine.dvc("pull", "--quiet", POINTER)
    mine.issuesum("ingest", "--append", "edited.csv", "more.csv")
    assert _in(mine) == [*_titles("base", "theirs"), "title edited", *_titles("mine")]


@pytest.mark.parametrize("way", [("merge",), ("rebase",)], ids=lambda way: way[0])
def test_a_conflict_keeps_the_rows_of_both(way: tuple[str], mine: projects.Project) -> None:
    _csv(mine.path / "more.csv", "mine")
    mine.issuesum("ingest", "--append", "more.csv")
    (mine.path / "more.csv").unlink()
    mine.commit("data of mine")
    mine.run("git", "fetch", "--quiet")
    assert mine.run("git", *ME, *way, "origin/main", ok=False).returncode
    (mine.path / "dvc.lock").write_text("<<<<<<< HEAD\n=======\n>>>>>>> theirs\n")
    before = (mine.path / RAW).read_bytes()
    _csv(mine.path / "later.csv", "later")
    done = mine.issuesum("ingest", "--append", "later.csv", ok=False)
    assert (done.returncode, (mine.path / RAW).read_bytes()) == (8, before)
    assert "Try: issuesum ingest --merge" in done.stderr
    ((_, found),) = doctor.examine(["data"], Clone(mine.path), limit=60)
    assert (found.status, "issuesum ingest --merge" in found.advice) == ("fail", True)
    report = mine.issuesum("ingest", "--merge").stdout
    assert "present      40 rows were there already\n" in report
    first, second = ("mine", "theirs") if way == ("merge",) else ("theirs", "mine")
    assert _in(mine) == _titles("base", first, second)
    assert mine.run("git", "diff", "--name-only", "--diff-filter=U").stdout == ""
    again = mine.issuesum("ingest", "--merge", ok=False)
    assert again.returncode == 8
    assert f"{POINTER} must be in conflict" in again.stderr
    (mine.path / "dvc.lock").unlink()
    assert mine.dvc("status", POINTER).stdout == "Data and pipelines are up to date.\n"
