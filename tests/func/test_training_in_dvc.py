"""Training under DVC: an interruption, experiments, and what their tables show."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from extension import check_experiments, check_plots
from issuesum.stages.params import load_params
from projects import Project

pytestmark = pytest.mark.slow


@pytest.fixture
def made(finished: Project, tmp_path: Path) -> Project:
    """Return a project of our own whose stages up to evaluate have run."""
    return finished.copy(tmp_path / "project")


def _weights(project: Project) -> str:
    return hashlib.sha256(
        (project.path / "models/trained/model.weights.h5").read_bytes()
    ).hexdigest()


def _wait_for(path: Path, process: subprocess.Popen[bytes], pattern: str) -> None:
    end = time.monotonic() + 120
    while not list(path.glob(pattern)):
        assert process.poll() is None, "training ended before it could be killed"
        assert time.monotonic() < end, f"no {pattern} in {path}"
        time.sleep(0.01)


def test_after_kill_9_a_rerun_ends_with_the_same_weights(made: Project) -> None:
    # Enough steps to be caught in the middle of them.
    for old, new in (
        ("epochs: 1\n", "epochs: 6\n"),
        ("checkpoint_steps: 200", "checkpoint_steps: 3"),
    ):
        made.edit("params.yaml", lambda text, old=old, new=new: text.replace(old, new))
    checkpoints = made.path / ".issuesum/checkpoints"
    with subprocess.Popen(
        ["dvc", "repro", "train"],
        cwd=made.path,
        env=made.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        _wait_for(checkpoints, process, "*.npz")
        os.killpg(process.pid, signal.SIGKILL)
    assert not (made.path / "models/trained").exists()
    _interrupt_once_taken_up(made)

    done = made.run("dvc", "repro", "train")
    assert "taken up at step " in done.stdout
    weights, lock = _weights(made), made.lock()["train"]
    assert list(checkpoints.iterdir()) == [], "nothing is left of a training that has ended"

    done = made.run("dvc", "repro", "--force", "--single-item", "train")
    assert "taken up" not in done.stdout
    assert _weights(made) == weights
    assert made.lock()["train"] == lock, "the curves are the same as well"


def _interrupt_once_taken_up(made: Project) -> None:
    default = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            ["dvc", "repro", "train"],
            cwd=made.path,
            env=made.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, default)
    assert any(line.startswith("train: train/loss") for line in process.stdout)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 255
    assert "error: train: interrupted\n" in err
    assert "exited with 130" in err
    assert "Traceback" not in err


def test_experiments_have_stable_names_in_tables_and_plots(made: Project) -> None:
    made.run("dvc", "exp", "run", "--name", "wider", "-S", "train.hidden_units=12", "evaluate")
    made.run("git", "checkout", "--", ".")
    made.run("dvc", "exp", "run", "--queue", "-S", "train.dropout=0.1,0.2", "train")
    made.run("dvc", "queue", "start", "--jobs", "1")
    _wait_for_queue(made)

    shown = json.loads(made.run("dvc", "exp", "show", "--json").stdout)
    check_experiments(shown)
    rows = {
        revision["name"]: revision["data"]
        for commit in shown
        for experiment in commit["experiments"] or []
        for revision in experiment["revs"]
    }
    params = [row["params"]["params.yaml"]["data"]["train"] for row in rows.values()]
    tried = sorted((of["hidden_units"], of["dropout"]) for of in params)
    usual = load_params(made.path / "params.yaml").train.dropout
    assert tried == [(8, 0.1), (8, 0.2), (12, usual)]
    for row in rows.values():
        metrics = row["metrics"]["eval/train/metrics.json"]["data"]
        assert metrics.keys() == {"train", "eval", "best", "step"}
        assert metrics["eval"].keys() == {"loss", "rouge_l"}
        assert metrics["best"]["eval"].keys() == {"loss", "rouge_l"}
    scores = rows["wider"]["metrics"]["eval/metrics.json"]["data"]["model"]
    assert scores.keys() == {"rouge_1", "rouge_2", "rouge_l", "bleu"}

    diff = made.run("dvc", "exp", "diff", "wider", "--json").stdout
    changed = json.loads(diff)
    assert "train.hidden_units" in changed["params"]["params.yaml"]
    assert "model.rouge_l" in changed["metrics"]["eval/metrics.json"]

    command = ("dvc", "plots", "diff", "wider", "--split", "--json", "--out", ".dvc/tmp/plots")
    plots = json.loads(made.run(*command).stdout)
    check_plots(plots, gaps={"speed"})  # of this machine, and in no commit
    assert {"loss", "rouge_l", "learning_rate", "speed"} <= plots["data"].keys()

    def loss(name: str) -> float:
        reached: float = rows[name]["metrics"]["eval/train/metrics.json"]["data"]["best"]["eval"][
            "loss"
        ]
        return reached

    applied = made.run("dvc", "exp", "apply", min(rows, key=loss), ok=False).stderr
    missing = applied.partition("following targets:\n")[2].partition("Is your cache")[0].split()
    assert missing == ["serving/attestations"], "nothing was ever exported here"
    made.commit("take the best")
    status = made.run("dvc", "status", "train").stdout
    assert status == "Data and pipelines are up to date.\n", "retraining goes on after train"
    assert made.run("git", "status", "--porcelain").stdout == "", "and from a clean commit"


def _wait_for_queue(project: Project) -> None:
    end = time.monotonic() + 300
    while True:
        status = project.run("dvc", "queue", "status").stdout
        if "Running" not in status and "Queued" not in status:
            assert "Failed" not in status, status
            return
        assert time.monotonic() < end, status
        time.sleep(3)  # to ask takes a processor for seconds, which training needs
