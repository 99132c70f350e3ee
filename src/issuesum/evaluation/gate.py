"""Whether a model is good enough to be shipped."""

from __future__ import annotations

from dataclasses import dataclass

from issuesum.evaluation.scores import Scores


@dataclass(frozen=True)
class Verdict:
    """The gate's answer.

    Attributes:
        passed: whether export may ship the model.
        reasons: what falls short, with the numbers; empty if passed.
    """

    passed: bool
    reasons: tuple[str, ...]


def judge(scores: Scores, *, min_rouge_l: float) -> Verdict:
    """Compare the model's scores with the floors in params."""
    reasons = []
    if scores.rouge_l < min_rouge_l:
        reasons.append(
            f"ROUGE-L is {scores.rouge_l:.2f}, below evaluate.gate.min_rouge_l = {min_rouge_l:g}"
        )
    return Verdict(passed=not reasons, reasons=tuple(reasons))
