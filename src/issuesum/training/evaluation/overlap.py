"""ROUGE-L of titles that are rows of ids: what training can watch without any text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rouge_score.rouge_scorer import RougeScorer


class _Numbers:
    """The tokenizer object that `RougeScorer` asks for."""

    def tokenize(self, text: str) -> list[str]:
        return text.split()


def mean_rouge_l(written: Sequence[Sequence[int]], references: Sequence[Sequence[int]]) -> float:
    """Return the mean F1 of the longest common subsequences, 0 to 100 (Lin 2004).

    Args:
        written: a row of ids for each title.
        references: what the authors wrote, in the same order.
    """
    scorer = RougeScorer(["rougeL"], tokenizer=_Numbers())
    pairs = zip(references, written, strict=True)
    scores = [
        scorer.score(*(" ".join(map(str, row)) for row in pair))["rougeL"].fmeasure
        for pair in pairs
    ]
    return float(100 * np.mean(scores))
