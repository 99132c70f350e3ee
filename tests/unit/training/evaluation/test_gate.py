"""The gate's floors and margins."""

from __future__ import annotations

import pytest

from issuesum.training.evaluation.baselines import shortfalls
from issuesum.training.evaluation.metrics import METRICS, Scores


def scores(**rouge_l: float) -> dict[str, Scores]:
    values = {"model": 20.0, "lead": 15.0, "neighbour": 5.0} | rouge_l
    return {
        name: {**dict.fromkeys(METRICS, 1.0), "rouge_l": value} for name, value in values.items()
    }


@pytest.mark.parametrize(
    ("reached", "asked", "reason"),
    [
        ({}, {"min_rouge_l": 20.0, "min_over_lead": 5.0, "min_over_neighbour": 15.0}, None),
        ({"lead": 20.0}, {}, None),
        ({}, {"max_dangling": 1.0, "max_length": 1.0}, None),
        ({}, {"max_dangling": 0.9}, "Dangling is 1.00, above evaluate.gate.max_dangling = 0.9"),
        ({"lead": 25.0}, {"min_over_lead": -5.0}, None),
        ({}, {"min_rouge_l": 20.01}, "ROUGE-L is 20.00, below evaluate.gate.min_rouge_l = 20.01"),
        (
            {"lead": 20.5},
            {},
            (
                "ROUGE-L is 20.00, that of the first words of the body 20.50: -0.50, below "
                "evaluate.gate.min_over_lead = 0"
            ),
        ),
        (
            {"neighbour": 19.0},
            {"min_over_neighbour": 1.5},
            (
                "ROUGE-L is 20.00, that of the title of the most similar issue 19.00: +1.00, below "
                "evaluate.gate.min_over_neighbour = 1.5"
            ),
        ),
    ],
)
def test_what_falls_short_is_reported_with_the_numbers(
    reached: dict[str, float], asked: dict[str, float], reason: str | None
) -> None:
    nothing = {"min_rouge_l": 0.0, "min_over_lead": 0.0, "min_over_neighbour": 0.0}
    assert shortfalls(scores(**reached), {**nothing, **asked}) == ([reason] if reason else [])


def test_each_reason_is_listed() -> None:
    limits = {"min_rouge_l": 25.0, "min_over_lead": 0.0, "min_over_neighbour": 0.0}
    assert len(shortfalls(scores(lead=30, neighbour=30), limits)) == 3
