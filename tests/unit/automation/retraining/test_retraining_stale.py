"""What counts as stale, and what is done before stages run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from issuesum.automation.retraining.pipeline import (
    Pipeline,
    settle,
    stages_without_output,
    stale_stages,
)
from issuesum.errors import RepositoryError
from projects import Project

STAGES = {
    "count": {"cmd": "wc -l < data.csv > rows", "deps": ["data.csv"], "outs": ["rows"]},
    "copy": {
        "cmd": "cp rows copied.json", "deps": ["rows"], "outs": [{"copied.json": {"cache": False}}],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a pipeline of two stages that has run on two versions of its data."""
    project = Project(tmp_path_factory.mktemp("made") / "clone")
    project.init()
    project.dvc("init", "--quiet")
    (project.path / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}))
    for number in (1, 2):
        (project.path / "data.csv").unlink(missing_ok=True)
        (project.path / "data.csv").write_text("a\n" * number)
        project.dvc("add", "--quiet", "data.csv")
        project.dvc("repro", "--quiet")
        project.commit(f"{number} rows")
    return project


@pytest.fixture
def pipeline(made: Project, tmp_path: Path) -> Project:
    return made.copy(tmp_path / "clone")


def test_what_the_lock_knows_may_be_missing(pipeline: Project) -> None:
    assert stale_stages(pipeline.path) == []
    for name in ("data.csv", "rows", ".dvc/cache"):
        path = pipeline.path / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert stale_stages(pipeline.path) == []
    settle(pipeline.path)
    assert stages_without_output(pipeline.path) == []


def test_what_a_stage_reads_is_pulled_before_it_is_forced(pipeline: Project) -> None:
    asked = []

    class Refusing(Pipeline):
        def _dvc(self, *arguments: str) -> int:
            asked.append(arguments)
            return 1

    (pipeline.path / "rows").unlink()
    with pytest.raises(RepositoryError, match=r"must have rows\. Received: dvc pull failed"):
        Refusing(pipeline.path, 0).force("copy")
    assert asked == [("pull", "rows")]


def test_what_git_should_keep_may_not(pipeline: Project) -> None:
    (pipeline.path / "copied.json").unlink()
    assert stale_stages(pipeline.path) == ["copy"]
    assert stages_without_output(pipeline.path) == ["copy"]


def test_another_command_makes_its_stage_stale(pipeline: Project) -> None:
    pipeline.edit("dvc.yaml", lambda text: text.replace("wc -l <", "wc -c <"))
    assert stale_stages(pipeline.path) == ["count"]


@pytest.mark.parametrize("cached", [True, False])
def test_outputs_of_another_commit_are_replaced_or_taken_away(
    cached: bool, pipeline: Project
) -> None:
    pipeline.run("git", "checkout", "--quiet", "HEAD~1")
    if not cached:  # only the other commit's are, as in the hook's clone
        for digest in (_md5(pipeline, "data.csv.dvc"), pipeline.lock()["count"]["outs"][0]["md5"]):
            (pipeline.path / f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}").unlink()
    assert set(stale_stages(pipeline.path)) >= {"count"}
    settle(pipeline.path)
    assert stale_stages(pipeline.path) == []
    data = pipeline.path / "data.csv"
    assert (data.read_text() if data.exists() else None) == ("a\n" if cached else None)


def test_data_of_which_there_is_no_copy_is_refused_and_kept(pipeline: Project) -> None:
    pipeline.edit("data.csv", lambda text: text + "mine\n")
    with pytest.raises(RepositoryError, match=r"What data\.csv\.dvc tracks must"):
        settle(pipeline.path)
    assert (pipeline.path / "data.csv").read_text().endswith("mine\n")


def test_a_lock_that_a_kill_cut_short_is_an_error_with_the_way_out(pipeline: Project) -> None:
    pipeline.edit("dvc.lock", lambda text: text[: text.rindex("path") + 2])
    with pytest.raises(RepositoryError, match=r"Try: .*git checkout dvc\.lock"):
        stale_stages(pipeline.path)


def test_without_dvc_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="must be inside a DVC repository"):
        stale_stages(tmp_path)


def _md5(project: Project, name: str) -> str:
    return str(yaml.safe_load((project.path / name).read_text())["outs"][0]["md5"])
