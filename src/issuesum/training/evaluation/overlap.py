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
    """Return the mean F1 x 100 of the longest common subsequences of rows of ids (Lin 2004)."""
    scorer = RougeScorer(["rougeL"], tokenizer=_Numbers())
    pairs = zip(references, written, strict=True)
    texts = ([" ".join(map(str, row)) for row in pair] for pair in pairs)
    scores = [scorer.score(*pair)["rougeL"].fmeasure for pair in texts]
    return float(100 * np.mean(scores))
