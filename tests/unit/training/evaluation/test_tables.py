"""A metric, or a baseline, is one function and one entry: all that shows scores has it then."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from issuesum.cli import summary
from issuesum.layout import LOCK, SCORES
from issuesum.lineage.metrics import Metrics
from issuesum.lineage.provenance.trace import Trace
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.reporting import card
from issuesum.lineage.reporting.comparison import compare
from issuesum.lineage.reporting.model_report import to_markdown
from issuesum.lineage.reporting.provenance_page import text_of
from issuesum.stages import evaluate
from issuesum.stages.params import Params, load_params
from issuesum.training.corpus.shards import ShardWriter
from issuesum.training.evaluation.baselines import BASELINES, Baseline, Settings, shortfalls
from issuesum.training.evaluation.metrics import METRICS, Floats, Metric
from projects import ROOT
from provenances import provenance, read
from report_sides import rows, side
from toy_bundle import write_bundle

ISSUES = [("Crash on start", "The app crashes on start"), ("Fix error", "app error")]


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """Make an empty folder a project that is about to evaluate."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    (tmp_path / "serving/bundle/model").mkdir(parents=True)
    write_bundle(tmp_path / "serving/bundle/model")
    for name in ("train", "test"):
        (folder := tmp_path / "data/split" / name).mkdir(parents=True)
        with ShardWriter(folder, 10) as shard:
            for row, (title, body) in enumerate(ISSUES, start=1):
                shard.write(row, ("", title, body))
    Receipt("localhost:5000/titles:a-b", f"sha256:{'2' * 64}", git="a", dvc="b").save()
    outs = [{"path": "serving/bundle", "md5": "b1.dir"}]
    LOCK.write_text(yaml.safe_dump({"schema": "2.0", "stages": {"build": {"outs": outs}}}))
    return load_params()


def _summary() -> str:
    done = CliRunner().invoke(summary.command, [], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def _exact(titles: Sequence[str], references: Sequence[str]) -> Floats:
    return np.array(
        [title == other for title, other in zip(titles, references, strict=True)], float
    )


def test_a_metric_is_one_function_and_one_entry(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(METRICS, "exact", Metric("exact", "Exact", _exact))
    evaluate.main(params)
    metrics = json.loads(Path("eval/metrics.json").read_text())
    assert [*metrics["model"]] == [*METRICS]
    assert {"rouge_1", "rouge_2", "rouge_l", "bleu", "dangling", "at_limit"} < METRICS.keys()
    assert 0 <= metrics["lead"]["exact"] <= 1
    assert pd.read_csv("eval/plots/scores.csv").columns[-1] == "exact"
    assert " Exact\n" in _summary()
    assert shortfalls(metrics, {"min_exact": 1.01})[0].startswith("Exact is ")
    assert shortfalls(metrics, {"max_exact": -1})[0].startswith("Exact is ")
    assert "Exact" in text_of(_traced(metrics))
    titles = rows(30)
    model, before = side("now", titles), side("before", rows(30, seed=2, right=0.2))
    assert "| Exact |" in to_markdown(compare(model, before, {}, resamples=100))
    written = card.render(model, params.model_dump())
    assert "| Exact |" in written
    assert "type: exact" in written


def _nothing(train: pd.DataFrame, bodies: Sequence[str], settings: Settings) -> list[str]:  # noqa: ARG001
    return ["crash"] * len(bodies)


def test_a_baseline_is_one_function_and_one_entry(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BASELINES, "same", Baseline("same", "one title for all", _nothing))
    evaluate.main(params)
    metrics = json.loads(Path("eval/metrics.json").read_text())
    assert [*metrics] == ["test_rows", "model", "lead", "neighbour", "same", "gate"]
    assert list(pd.read_csv(SCORES)["same"]) == [pytest.approx(50), 0]
    assert list(pd.read_csv("eval/plots/scores.csv")["method"])[-1] == "same"
    assert "one title for all" in _summary()
    Receipt("localhost:5000/titles:a-c", "sha256:3", git="a", dvc="c").save()
    noted = CliRunner().invoke(summary.command, [], catch_exceptions=False).stderr
    assert "titles:a-c holds another model than these scores are of" in noted
    assert shortfalls(metrics, {"min_over_same": 100})[0].startswith("ROUGE-L is ")
    assert "one title for all" in text_of(_traced(metrics))
    model = side("now", rows(30).assign(same=5.0))
    assert "Against the one title for all" in to_markdown(compare(model, None, {}, resamples=9))
    metrics_of_model = Metrics.read({**model.metrics.content(), "same": metrics["same"]})
    model = side("now", rows(30).assign(same=5.0), metrics=metrics_of_model)
    assert "| one title for all |" in card.render(model, params.model_dump())


def _traced(metrics: object) -> Trace:
    return Trace(read(provenance(metrics=metrics)), None)
