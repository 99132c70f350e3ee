"""Params and metrics side by side."""

from __future__ import annotations

from issuesum.lineage.dvc import Change, params_diff
from issuesum.lineage.reporting.image_difference import MetricChange, metric_changes


def test_params_have_dotted_names_and_absence_is_none() -> None:
    old = {"train": {"epochs": 12, "seed": 1}, "gone": {"a": 1}}
    new = {"train": {"epochs": 6, "seed": 1}, "build": {"decoding": {"beam_width": 4}}}
    assert params_diff(old, new) == {
        "train.epochs": Change(12, 6),
        "build.decoding.beam_width": Change(None, 4),
        "gone.a": Change(1, None),
    }


def test_scores_are_compared_and_the_verdict_is_not() -> None:
    old = {"test_rows": 9, "model": {"rouge_l": 20.1}, "gate": {"passed": True}}
    new = {"test_rows": 9, "model": {"rouge_l": 22.4, "bleu": 3.0}, "gate": {"passed": False}}
    assert metric_changes(old, new) == {
        "test_rows": MetricChange(9, 9, 0),
        "model.rouge_l": MetricChange(20.1, 22.4, 2.3),
        "model.bleu": MetricChange(None, 3.0, None),
    }
