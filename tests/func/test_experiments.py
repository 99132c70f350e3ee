"""Experiments with `dvc exp`, and what their tables and plots show."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from extension import check_experiments, check_plots
from issuesum.stages.params import load_params
from projects import Project

pytestmark = pytest.mark.slow

WAIT = """
import time
from dvc.repo import Repo

queue = Repo().experiments.celery_queue
end = time.monotonic() + 300
while (states := {of["status"] for of in queue.status()}) & {"Queued", "Running"}:
    assert time.monotonic() < end, states
    time.sleep(0.5)
print(*states)
"""
"""One process: each `dvc queue status` takes a processor for seconds, which training needs."""


@pytest.fixture
def made(finished: Project, tmp_path: Path) -> Project:
    """Return a project of our own with the results of a narrower model than its params ask for."""
    project = finished.copy(tmp_path / "project")
    project.edit("params.yaml", lambda text: text.replace("hidden_units: 8", "hidden_units: 12"))
    project.commit("widen")
    return project


def test_experiments_have_stable_names_in_tables_and_plots(made: Project) -> None:
    # Its model is there already; that of the next one is trained in the folder of the queue.
    changes = ("-S", "train.hidden_units=8", "-S", "evaluate.max_rows=20")
    made.run("dvc", "exp", "run", "--name", "narrower", *changes, "evaluate")
    made.run("git", "checkout", "--", ".")
    made.run("dvc", "exp", "run", "--queue", "-S", "train.dropout=0.1", "train")
    made.run("dvc", "queue", "start", "--jobs", "1")
    assert made.run(sys.executable, "-c", WAIT).stdout == "Success\n"

    shown = json.loads(made.dvc("exp", "show", "--json").stdout)
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
    assert tried == [(8, usual), (12, 0.1)]
    for row in rows.values():
        metrics = row["metrics"]["eval/train/metrics.json"]["data"]
        assert metrics.keys() == {"train", "eval", "best", "step"}
        assert metrics["eval"].keys() == {"loss", "rouge_l"}
        assert metrics["best"]["eval"].keys() == {"loss", "rouge_l"}
    scores = rows["narrower"]["metrics"]["eval/metrics.json"]["data"]["model"]
    assert scores.keys() == {
        "rouge_1", "rouge_2", "rouge_l", "bleu", "dangling", "at_limit", "opening", "length"
    }  # fmt: skip

    diff = made.dvc("exp", "diff", "narrower", "--json").stdout
    changed = json.loads(diff)
    assert "train.hidden_units" in changed["params"]["params.yaml"]
    assert "model.rouge_l" in changed["metrics"]["eval/metrics.json"]

    command = ("plots", "diff", "narrower", "--split", "--json", "--out", ".dvc/tmp/plots")
    plots = json.loads(made.dvc(*command).stdout)
    check_plots(plots, gaps={"speed"})  # of this machine, and in no commit
    assert {"loss", "rouge_l", "learning_rate", "speed"} <= plots["data"].keys()

    def loss(name: str) -> float:
        reached: float = rows[name]["metrics"]["eval/train/metrics.json"]["data"]["best"]["eval"][
            "loss"
        ]
        return reached

    applied = made.dvc("exp", "apply", min(rows, key=loss), ok=False).stderr
    missing = applied.partition("following targets:\n")[2].partition("Is your cache")[0].split()
    assert missing == ["serving/attestations"], "nothing was ever exported here"
    made.commit("take the best")
    status = made.dvc("status", "train").stdout
    assert status == "Data and pipelines are up to date.\n", "retraining goes on after train"
    assert made.run("git", "status", "--porcelain").stdout == "", "and from a clean commit"
