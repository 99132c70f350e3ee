"""Whether a model is good enough to be shipped, by its scores and those of the baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from issuesum.training.evaluation.scores import Scores

_BASELINES = {"lead": "the first words", "neighbour": "titles of the most similar issues"}


@dataclass(frozen=True)
class Verdict:
    """The gate's answer.

    Attributes:
        passed: whether export may ship the model.
        reasons: what falls short, with the numbers; empty if passed.
    """

    passed: bool
    reasons: tuple[str, ...]


def judge(
    scores: Mapping[str, Scores],
    *,
    min_rouge_l: float,
    min_over_lead: float,
    min_over_neighbour: float,
) -> Verdict:
    """Compare the model's ROUGE-L with the floor and with what costs nothing.

    Args:
        scores: of `model`, `lead` and `neighbour`.
        min_rouge_l: the least ROUGE-L.
        min_over_lead: points that the model must be above copying the first words; negative
            allows it to be below.
        min_over_neighbour: the same for the title of the most similar issue.
    """
    reached = scores["model"].rouge_l
    reasons = []
    if reached < min_rouge_l:
        reasons.append(
            f"ROUGE-L is {reached:.2f}, below evaluate.gate.min_rouge_l = {min_rouge_l:g}"
        )
    for name, least in {"lead": min_over_lead, "neighbour": min_over_neighbour}.items():
        baseline = scores[name].rouge_l
        if reached < baseline + least:
            reasons.append(
                f"ROUGE-L is {reached:.2f} and {_BASELINES[name]} reach {baseline:.2f}: "
                f"{reached - baseline:+.2f}, below evaluate.gate.min_over_{name} = {least:g}"
            )
    return Verdict(passed=not reasons, reasons=tuple(reasons))
