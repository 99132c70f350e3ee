"""What `issuesum submit` refuses before it asks a cluster for anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from issuesum.automation.submit.submitting import variants_of
from issuesum.errors import ArtifactError, ParamsError
from issuesum.layout import TRAINED_ELSEWHERE
from issuesum.stages.params import load_params
from projects import Project


def _check(path: Path) -> None:
    load_params(path, root=Path())


def test_sweeps_are_those_of_dvc(root: Path) -> None:
    settings = ("train.dropout=0.2,0.3", "train.hidden_units=128,192")
    found = variants_of(settings, root, _check)
    assert [each.overrides for each in found] == [
        ("train.dropout=0.2", "train.hidden_units=128"),
        ("train.dropout=0.2", "train.hidden_units=192"),
        ("train.dropout=0.3", "train.hidden_units=128"),
        ("train.dropout=0.3", "train.hidden_units=192"),
    ]
    assert len({each.fingerprint for each in found}) == 4
    assert len(variants_of(["params.yaml:train.seed=range(1,4)"], root, _check)) == 3
    assert len(variants_of(["train.dropout=0.2,0.20"], root, _check)) == 1
    assert variants_of((), root, _check) == []


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("train.dropuot=0.2", "--set-param must be as `dvc exp run` takes it"),
        ("train.dropout=[", "--set-param must be as `dvc exp run` takes it"),
        ("train.dropout=2", "less than 1"),
        ("preprocess.title.keep_n=5", "--set-param must set params of train"),
        ("other.yaml:train.dropout=0.2", "--set-param must set params of train"),
    ],
)
def test_other_params_are_refused(setting: str, expected: str, root: Path) -> None:
    with pytest.raises(ParamsError) as refused:
        variants_of([setting], root, _check)
    assert expected in str(refused.value)
    assert "Try: " in str(refused.value)


def test_what_is_not_committed_or_stale_is_not_trained(finished: Project, tmp_path: Path) -> None:
    project = finished.copy(tmp_path / "project")
    done = project.issuesum("submit")
    assert done.stderr == "note: nothing to do: dvc.lock has this training\n"

    nowhere = {"PATH": str(tmp_path)}
    (tmp_path / "git").symlink_to("/usr/bin/git")
    done = project.issuesum("submit", "-S", "train.seed=3", ok=False, **nowhere)
    assert done.returncode == 9
    assert done.stderr.startswith("error: kubectl must be on PATH. Received: none. Try: ")

    done = project.issuesum("submit", "--no-wait", "-S", "train.seed=3,4", ok=False)
    assert done.returncode == 2
    assert "Received: 2 variants, --jobs 1. Try: --jobs 2." in done.stderr

    project.edit("deploy/training/train.py", lambda text: text + "# \n")
    done = project.issuesum("submit", ok=False)
    assert done.returncode == 8
    assert "must be committed. Received: changes of deploy/training/train.py." in done.stderr

    project.run("git", "checkout", "--quiet", ".")
    project.edit("params.yaml", lambda text: text.replace("keep_n: 300", "keep_n: 200"))
    project.commit("other features")
    done = project.issuesum("submit", ok=False)
    assert done.returncode == 8
    assert "Received: preprocess is stale. Try: dvc repro preprocess, then" in done.stderr


def test_a_result_that_is_to_be_fetched_is_not_trained_here(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from issuesum.stages import train

    monkeypatch.setenv(TRAINED_ELSEWHERE, "1")
    with pytest.raises(ArtifactError, match="The DVC remote must hold what the job trained"):
        train.main(load_params(root / "params.yaml", root=root))
