"""Params from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from issuesum.automation.retraining.results import commit_params
from issuesum.errors import ParamsError, RepositoryError
from issuesum.stages.params import load_params
from projects import ROOT, Project

EPOCHS = "train:\n  epochs: 3   # at most\n"


def _log(project: Project) -> list[str]:
    return project.run("git", "log", "--format=%an: %s").stdout.splitlines()


def _accept(_: Path) -> None:
    pass


def test_only_the_value_changes_in_the_real_params(clone: Project) -> None:
    path, before = clone.path / "params.yaml", (ROOT / "params.yaml").read_text(encoding="utf-8")
    path.write_text(before, encoding="utf-8")
    clone.commit("the real params")
    assert commit_params(["train.epochs=3"], clone.path, check=_accept)
    after = path.read_text(encoding="utf-8")
    changed = [pair for pair in zip(before.splitlines(), after.splitlines(), strict=True)
               if pair[0] != pair[1]]  # fmt: skip
    assert [line.split("#")[0].strip() for pair in changed for line in pair] == [
        "epochs: 12", "epochs: 3",
    ]  # fmt: skip
    assert changed[0][0].split("#")[1] == changed[0][1].split("#")[1]
    assert load_params(path, root=ROOT).train.epochs == 3


@pytest.mark.parametrize(
    "setting",
    ["train.epoch=3", "train.epochs.more=3", "epochs=3", "train.=3", "train.epochs", "=3",
     "train.epochs=[3", "train.epochs=3,4"],
)  # fmt: skip
def test_a_setting_must_be_a_name_and_a_value(setting: str, clone: Project) -> None:
    with pytest.raises(ParamsError, match=r"--set must"):
        commit_params([setting], clone.path, check=_accept)


@pytest.mark.parametrize("setting", ["train=3", "train.epochs=", "~train.epochs", "+train.x=3"])
def test_what_is_no_params_any_more_is_refused(setting: str, clone: Project) -> None:
    path, before = clone.path / "params.yaml", (ROOT / "params.yaml").read_text(encoding="utf-8")
    path.write_text(before, encoding="utf-8")
    clone.commit("the real params")
    with pytest.raises(ParamsError, match=r"params\.yaml must match"):
        commit_params([setting], clone.path, check=lambda file: load_params(file, root=ROOT))
    assert path.read_text(encoding="utf-8") == before


def test_it_is_committed_in_the_name_of_the_program_where_git_knows_none(clone: Project) -> None:
    (clone.path / "staged.txt").write_text("x")
    clone.run("git", "add", "staged.txt")
    assert commit_params(["train.epochs=3"], clone.path, check=_accept) == "Set train.epochs to 3"
    assert _log(clone) == ["issuesum: Set train.epochs to 3", "Test: begin"]
    assert (clone.path / "params.yaml").read_text() == "train:\n  epochs: 3   # at most\n"
    assert clone.run("git", "status", "--porcelain").stdout == "A  staged.txt\n"
    assert commit_params(["train.epochs=3"], clone.path, check=_accept) is None
    assert len(_log(clone)) == 2


def test_what_a_killed_run_left_is_committed(clone: Project) -> None:
    (clone.path / "params.yaml").write_text(EPOCHS)
    assert commit_params(["train.epochs=3"], clone.path, check=_accept)
    assert len(_log(clone)) == 2


def test_other_changes_are_refused_and_kept(clone: Project) -> None:
    (clone.path / "params.yaml").write_text("train:\n  epochs: 4\n")
    with pytest.raises(RepositoryError, match=r"params\.yaml must be as it is committed"):
        commit_params(["train.epochs=3"], clone.path, check=_accept)
    assert (clone.path / "params.yaml").read_text() == "train:\n  epochs: 4\n"


def test_a_wrong_value_changes_nothing(clone: Project) -> None:
    def refuse(_: Path) -> None:
        raise ParamsError("no")

    with pytest.raises(ParamsError):
        commit_params(["train.epochs=-1"], clone.path, check=refuse)
    assert clone.run("git", "status", "--porcelain").stdout == ""
    assert len(_log(clone)) == 1
