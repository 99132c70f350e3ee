"""`dvc repro` in copies of this repository: what reruns, what comes out, and what errors say.

`export` is left out here; tests/e2e has it, with the real engine and registry.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from dvc.repo import Repo

import locks
from projects import Project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project of our own whose stages up to evaluate have run."""
    return finished.copy(tmp_path_factory.mktemp("made") / "project")


def test_exactly_what_depends_on_a_change_reruns_and_going_back_restores(made: Project) -> None:
    """That other data makes another model is shown by tests/e2e/test_retrain_on_push.py."""
    first = made.lock()
    bundle = _hash(first, "build", "serving/bundle")

    assert made.repro("evaluate") == []

    # What other code of the image makes is shipped by tests/e2e/test_ship.py.
    made.stand_in_for_training()
    made.edit("data/raw/github_issues.csv", _change_a_train_row(made))
    made.dvc("add", "data/raw/github_issues.csv")
    assert made.repro("build") == ["split", "preprocess", "train", "build"]
    assert _hash(made.lock(), "build", "serving/bundle") != bundle
    made.run("git", "checkout", "data/raw/github_issues.csv.dvc", "tools/stage")
    made.dvc("checkout", "--force", "data/raw/github_issues.csv.dvc")
    # DVC's run-cache has what train and build made of it; evaluate has never seen the other.
    assert not {"train", "build", "evaluate"} & set(made.repro("evaluate"))

    assert made.lock() == first
    assert made.run("git", "status", "--porcelain").stdout == ""


def test_a_new_library_makes_stale_what_it_can_change(
    finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = finished.copy(tmp_path / "project")
    project.edit("uv.lock", lambda text: re.sub(
        r'(\[\[package\]\]\nname = "(?:onnxruntime|ruff)"\nversion = )"[^"]+"', r'\1"99.9"', text
    ))  # fmt: skip
    monkeypatch.setattr("sys.argv", ["locks.py", str(project.path)])
    assert locks.main() == 0
    monkeypatch.chdir(project.path)  # DVC names stages from here
    with Repo() as repo:
        stale = repo.status()
    changed = [
        [{"changed deps": {f"locks/{stage}.txt": "modified"}}] for stage in ("build", "evaluate")
    ]
    assert [stale.pop("build"), stale.pop("evaluate")] == changed
    assert set(stale) == {"export"}  # which never ran here


def test_what_onnxruntime_keeps_for_what_it_sends_is_not_there(finished: Project) -> None:
    assert list((finished.path.parent / "cache").rglob("*")) == []


def test_outputs_are_what_the_architecture_says(made: Project) -> None:
    bundle = made.path / "serving/bundle"
    names = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert {
        "Dockerfile", "IssueSummarization.py", "requirements.txt", "model/encoder.onnx",
        "model/decoder.onnx", "model/body_vocabulary.json", "model/title_vocabulary.json",
        "model/decoding.json",
        "issuesum/serving/inference/writer.py", "issuesum/text/tokens.py",
    } <= names  # fmt: skip
    assert not [name for name in names if name.endswith((".pkl", ".dpkl", ".pyc", ".h5"))]
    assert not [name for name in names if name.startswith("issuesum/training/features")]
    requirements = (bundle / "requirements.txt").read_text(encoding="utf-8")
    assert "seldon-core==" in requirements
    assert "tensorflow" not in requirements
    assert "--hash=sha256:" in requirements

    metrics = json.loads((made.path / "eval/metrics.json").read_text(encoding="utf-8"))
    assert set(metrics) == {"test_rows", "model", "lead", "neighbour", "gate"}
    assert set(metrics["lead"]) == {
        "rouge_1", "rouge_2", "rouge_l", "bleu", "dangling", "at_limit", "opening", "length"
    }  # fmt: skip
    curves = made.path / "eval/train/plots/metrics"
    assert {path.relative_to(curves).as_posix() for path in curves.rglob("*.tsv")} == {
        "train/loss.tsv", "train/learning_rate.tsv", "train/epoch.tsv",
        "eval/loss.tsv", "eval/rouge_l.tsv",
    }  # fmt: skip
    pictures = sorted((made.path / "eval/plots/attention").iterdir())
    assert [path.name for path in pictures] == ["1.png", "2.png", "3.png"]
    scores = (made.path / "eval/scores.csv").read_text(encoding="utf-8").splitlines()
    assert scores[0].startswith('"issue","words","rouge_l"')
    metrics = json.loads((made.path / "eval/metrics.json").read_text(encoding="utf-8"))
    assert len(scores) == metrics["test_rows"] + 1
    shown = made.dvc("metrics", "show").stdout
    assert "model.rouge_l" in shown
    plots = made.dvc("plots", "show", "--json").stdout
    assert {
        "eval/plots/scores.csv",
        "loss",
        "rouge_l",
        "learning_rate",
        "speed",
        "eval/examples.csv",
        "lengths",
        "growth",
        "eval/data/languages.csv",
    } <= json.loads(plots)["data"].keys()


def test_outputs_that_are_lost_come_back(made: Project) -> None:
    before = made.lock()
    made.run("rm", "-rf", "models/trained", "serving/bundle", "data/features")
    # DVC restores what train and build made; preprocess looks up what it has tokenised before.
    assert made.repro("evaluate") == ["preprocess"]
    assert (made.path / "serving/bundle/model/encoder.onnx").is_file()
    assert made.lock() == before


@pytest.mark.parametrize(
    ("stage", "lost", "code", "message"),
    [
        ("split", "data/raw/github_issues.csv", 3, "must be a CSV with the columns"),
        ("train", "data/features/train", 4, "must hold shards part-*.npz"),
        ("train", "data/features/body_vocabulary.json", 4, "must be a vocabulary of format 1"),
        ("build", "models/trained/config.json", 4, "must describe a model of format 2"),
        ("build", "models/trained/model.weights.h5", 4, "must hold the weights of the model"),
        ("evaluate", "data/split/test", 4, "must hold shards part-*.parquet"),
        ("evaluate", "serving/bundle/model/encoder.onnx", 4, "must be an ONNX graph"),
        ("export", "eval/metrics.json", 4, "must hold the gate's verdict"),
    ],
)
def test_a_stage_without_its_input_says_so_in_one_line_and_changes_nothing(
    stage: str, lost: str, code: int, message: str, made: Project
) -> None:
    path = made.path / lost
    kept = path.with_name(f"{path.name}.kept")
    outputs = [made.path / "models/trained/config.json", made.path / "eval/metrics.json"]
    before = [output.stat().st_mtime_ns for output in outputs]
    path.rename(kept)
    try:
        done = made.stage(stage, ok=False)
    finally:
        kept.rename(path)
    assert done.returncode == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith(f"error: {stage}: ")
    assert message in lines[0]
    assert "Try: " in lines[0]
    assert [output.stat().st_mtime_ns for output in outputs] == before


def test_a_model_below_the_gate_is_not_exported(made: Project) -> None:
    made.edit("params.yaml", lambda text: text.replace("min_rouge_l: 0.0", "min_rouge_l: 100.0"))
    try:
        made.stage("evaluate")
        done = made.stage("export", ok=False)
    finally:
        made.run("git", "checkout", "params.yaml", "eval/metrics.json")
    assert done.returncode == 5
    assert "below evaluate.gate.min_rouge_l = 100" in done.stderr


def _hash(lock: dict, stage: str, path: str) -> str:
    return next(out["md5"] for out in lock[stage]["outs"] if out["path"] == path)


def _change_a_train_row(project: Project):
    import pandas as pd

    shard = project.path / "data/split/train/part-00000.parquet"
    title = pd.read_parquet(shard)["issue_title"].iloc[0]
    return lambda text: text.replace(title, f"xyzzy {title}", 1)
