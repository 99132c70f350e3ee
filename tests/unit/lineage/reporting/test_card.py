"""The model card's metadata is what Hugging Face documents."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from issuesum.errors import ArtifactError
from issuesum.lineage.dvc import Item
from issuesum.lineage.metrics import Metrics
from issuesum.lineage.reporting.card import render
from issuesum.lineage.reporting.model_side import ModelSide
from issuesum.lineage.runs.record import RunRecord
from report_sides import rows, side

# https://huggingface.co/docs/hub/model-cards and the fields of the hub's evaluation results
FIELDS = {
    "language", "license", "license_name", "license_link", "library_name", "tags", "datasets",
    "metrics", "base_model", "pipeline_tag", "model_name", "model-index", "thumbnail",
}  # fmt: skip
RESULT = {
    "task": {"type", "name"},
    "dataset": {"type", "name", "config", "split", "revision", "args"},
}
METRIC = {"type", "value", "name", "config", "args", "verified"}
PARAMS = {"train": {"arch": "pointer", "seed": 7}, "export": {"registry": "localhost:5000"}}


@pytest.fixture(scope="module")
def here() -> ModelSide:
    return side("working tree", rows(40))


def _header(card: str) -> dict:
    assert card.startswith("---\n")
    return yaml.safe_load(card[4 : card.index("\n---\n", 4)])


def test_header_has_known_fields_and_our_scores(here: ModelSide) -> None:
    header = _header(render(here, PARAMS))
    assert header.keys() <= FIELDS
    assert header["language"] == ["en", "de"]
    assert (header["license"], header["pipeline_tag"]) == ("apache-2.0", "summarization")
    assert header["metrics"] == ["rouge", "bleu"]
    (model,) = header["model-index"]
    assert model.keys() == {"name", "results"}
    (result,) = model["results"]
    assert result.keys() == {"task", "dataset", "metrics"}
    for part, fields in RESULT.items():
        assert {"type", "name"} <= result[part].keys() <= fields
    assert result["dataset"]["revision"] == "d" * 32
    for metric in result["metrics"]:
        assert {"type", "value"} <= metric.keys() <= METRIC
        assert isinstance(metric["value"], float)
    values = {metric.get("config", metric["type"]): metric["value"] for metric in result["metrics"]}
    assert values.keys() == {"rouge1", "rouge2", "rougeL", "bleu"}
    assert values["rougeL"] == round(here.metrics.scores["model"]["rouge_l"], 2)


def test_card_shows_how_to_run_the_image_and_what_it_was_made_from(here: ModelSide) -> None:
    card = render(here, PARAMS)
    assert "docker run --rm -p 9000:9000 localhost:5000/issues@sha256:" + "b" * 64 in card
    assert "| train.arch | pointer |" in card
    assert "localhost:5000 |" not in card  # where it is pushed made nothing
    assert "| first words of the body | 1.00 | 3.00 | 2.00 | 0.50 |" in card
    assert "95 % bootstrap intervals" in card
    for heading in (
        "Intended use",
        "Limits",
        "Training data",
        "Evaluation",
        "How to use it",
        "Licence",
    ):
        assert f"\n## {heading}\n" in card
    assert card == render(side("working tree", rows(40)), PARAMS)


def test_the_run_of_another_training_is_not_shown(here: ModelSide) -> None:
    run = replace(
        RunRecord.begin("train"), started="2026-01-02T03:04:05+00:00", seconds=61.0, device="2 CPUs"
    )
    card = render(replace(here, runs={"train": run}), PARAMS)
    assert "- trained 2026-01-02, in 61 s, on 2 CPUs" in card
    other = replace(run, outs={"models/trained": Item("0" * 32)})
    assert "- trained" not in render(replace(here, runs={"train": other}), PARAMS)


def test_card_without_what_is_optional_and_without_what_is_not(here: ModelSide) -> None:
    bare = replace(here, profile=None, split=None, scores=None, hashes={}, receipt=None)
    card = render(bare, PARAMS)
    assert "language" not in _header(card)
    assert "make serve" in card
    with pytest.raises(ArtifactError, match="Try: dvc repro evaluate"):
        render(replace(here, metrics=Metrics()), PARAMS)
