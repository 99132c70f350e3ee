"""`issuesum retrain`: what it says and ends with, without running anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from issuesum.automation.retraining import job
from issuesum.automation.retraining.results import Branch, ScoreChange
from issuesum.cli.retrain import command
from issuesum.lineage.receipt import Receipt

OUTCOME = job.Outcome(
    ("split",),
    Receipt("host/titles:a-b", "sha256:1", git="a", dvc="b"),
    ScoreChange(22.01, 482, 21.59, 482),
    "c" * 40,
    Branch(Path(), "origin", "main"),
)
DEFAULTS = {"remote": "origin", "name": None, "push": True, "settings": (), "message": None}


def _run(
    monkeypatch: pytest.MonkeyPatch, outcome: job.Outcome | None, *arguments: str
) -> tuple[int, str, dict[str, object]]:
    asked: list[dict[str, object]] = []

    def retrain(hooks: job.Hooks, root: Path, **order: object) -> job.Outcome | None:  # noqa: ARG001
        asked.append(order)
        return outcome

    monkeypatch.setattr(job, "retrain", retrain)
    done = CliRunner().invoke(command, list(arguments))
    return done.exit_code, done.output, asked[0]


def test_nothing_to_do_is_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    code, output, order = _run(monkeypatch, None)
    assert (code, output.count("\n")) == (11, 1)
    assert output.startswith("nothing to do")
    assert order == DEFAULTS
    code, output, _ = _run(monkeypatch, None, "--json")
    assert (code, json.loads(output)) == (11, {"done": False})


def test_what_was_done_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    options = ("--no-push", "-S", "train.epochs=3", "--set", "train.seed=1", "--message", "March")
    code, output, order = _run(monkeypatch, OUTCOME, *options)
    assert code == 0
    assert f"commit   {'c' * 40}, pushed to main\n" in output
    assert "scores   ROUGE-L 22.01 (+0.42) on 482 issues\n" in output
    settings = ("train.epochs=3", "train.seed=1")
    assert order == {**DEFAULTS, "push": False, "settings": settings, "message": "March"}
    document = json.loads(_run(monkeypatch, OUTCOME, "--json")[1])
    assert (document["done"], document["branch"], document["digest"]) == (True, "main", "sha256:1")
    assert document["scores"] == {
        "rouge_l": 22.01,
        "rows": 482,
        "before": 21.59,
        "rows_before": 482,
    }
