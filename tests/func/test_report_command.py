"""`issuesum report` and `issuesum card` in a real repository of Git and DVC."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from issuesum.cli import cli
from issuesum.errors import ArtifactError, RepositoryError
from issuesum.layout import RUNS
from issuesum.lineage.dvc import Item
from issuesum.lineage.runs.record import REFUSAL, RunRecord, write
from projects import ROOT, Project
from report_sides import rows, side

# DVC 3 asks its tries of paths in a way that they are about to give up.
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")

PIPELINE = {
    "stages": {
        "train": {"cmd": "true", "params": ["train"], "outs": ["models", "serving/bundle"]},
        "evaluate": {
            "cmd": "true",
            "deps": ["models"],
            "outs": ["eval/scores.csv", {"eval/metrics.json": {"cache": False}}],
        },
    }
}


def _results(folder: Path, scores: pd.DataFrame, epochs: int) -> None:
    """Write what stages would write."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["train"]["epochs"] = epochs
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    (folder / "eval").mkdir(exist_ok=True)
    for output in ("models", "serving/bundle"):
        (folder / output).mkdir(parents=True, exist_ok=True)
        (folder / output / "weights").write_text(f"{output} {epochs}", encoding="utf-8")
    scores.to_csv(folder / "eval/scores.csv", index=False)
    metrics = json.dumps(side("any", scores).metrics.content())
    (folder / "eval/metrics.json").write_text(metrics, encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a repository of two commits with results, and without cache."""
    made = Project(tmp_path_factory.mktemp("report"))
    made.init()
    made.dvc("init", "--quiet")
    (made.path / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE), encoding="utf-8")
    made.commit("Nothing yet")
    for epochs, right in ((2, 0.4), (3, 0.8)):
        _results(made.path, rows(60, seed=epochs, right=right), epochs)
        made.dvc("commit", "--force", "--quiet")
        made.commit(f"Train {epochs} epochs")
    return made


def _report(*arguments: str) -> tuple[str, str]:
    """Return what is printed, notes behind it, and the Markdown."""
    done = CliRunner().invoke(cli, ["report", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    assert Path("eval/report/report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    return done.stdout + done.stderr, Path("eval/report/report.md").read_text(encoding="utf-8")


def test_a_commit_is_compared_with_its_parent(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.path)
    printed, comment = _report("HEAD")
    assert "the difference is larger than chance" in printed
    assert "Paired bootstrap over the same 60 issues." in comment
    assert "| <code>train.epochs</code> | <code>2</code> | <code>3</code> |" in comment
    assert "**train ●** → **evaluate ●**" in comment

    printed, _ = _report()  # the working tree against HEAD
    assert printed.startswith("working tree, compared with")
    assert "the titles score the same" in printed

    printed, comment = _report("HEAD~1")  # its parent has no metrics
    assert "first model" in printed.splitlines()[0]


def test_a_refused_model_is_reported_with_its_params(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = project.copy(tmp_path / "project")
    outs = {out["path"]: out["md5"] for out in made.lock()["train"]["outs"]}
    monkeypatch.chdir(made.path)
    # Since then params.yaml was edited, and nothing was run by it.
    made.edit("params.yaml", lambda text: text.replace("epochs: 3", "epochs: 99"))
    refused = replace(
        RunRecord.begin("export"),
        state="failed",
        deps={"serving/bundle": Item(outs["serving/bundle"])},
        error=f"{REFUSAL} Received: ROUGE-L is 21.00, 2.00 below. Try: more data.",
    )
    write(refused, made.path / RUNS)
    printed, comment = _report("--base", "HEAD~1")
    assert printed.splitlines()[2] == "The gate refuses this model: ROUGE-L is 21.00, 2.00 below."
    assert "The gate refuses this model: ROUGE-L is 21.00, 2.00 below." in comment
    assert "| <code>train.epochs</code> | <code>2</code> | <code>3</code> |" in comment
    assert "<code>99</code>" not in comment

    printed, _ = _report("HEAD")  # of a commit, without what happened on this machine
    assert "The gate is passed." in printed
    write(replace(refused, deps={"serving/bundle": Item("another")}), made.path / RUNS)
    assert "The gate is passed." in _report()[0]  # another bundle was refused


def test_what_the_cache_lacks_is_listed(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(project.path, clone)
    shutil.rmtree(clone / ".dvc/cache")
    monkeypatch.chdir(clone)
    printed, comment = _report("HEAD")
    assert "there is no interval without scores of single titles" in printed
    assert printed.count("not available here: eval/scores.csv of ") == 2
    assert "Not available here" in comment

    done = CliRunner().invoke(cli, ["card"], catch_exceptions=False)
    assert done.exit_code == 0
    card = Path("eval/MODEL_CARD.md").read_text(encoding="utf-8")
    assert "| train.epochs | 3 |" in card
    assert "95 % bootstrap intervals" in card

    Path("eval/metrics.json").unlink()
    with pytest.raises(ArtifactError, match="Try: dvc repro evaluate"):
        _report()
    with pytest.raises(RepositoryError, match="'nope' must be a commit that this repository has"):
        _report("nope")


def test_a_fresh_clone_takes_the_small_outputs_from_the_remote(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = project.copy(tmp_path / "clone")
    cache, remote = clone.path / ".dvc/cache/files", tmp_path / "remote/files"
    remote.parent.mkdir()
    shutil.move(cache, remote)
    config = f"[core]\n    remote = r\n['remote \"r\"']\n    url = {remote.parent}\n"
    (clone.path / ".dvc/config.local").write_text(config, encoding="utf-8")
    for output in ("eval/scores.csv", "models", "serving/bundle"):  # nothing was pulled
        clone.run("rm", "-r", output)
    monkeypatch.chdir(clone.path)
    printed, comment = _report("--base", "HEAD~1")
    assert "Paired bootstrap over the same 60 issues." in comment
    assert "eval/scores.csv" not in printed
    fetched = {path.stat().st_size for path in cache.rglob("*") if path.is_file()}
    assert len(fetched) == 2  # the scores of both, and no model
    assert min(fetched) > 1_000
