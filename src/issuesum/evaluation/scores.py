"""ROUGE and BLEU on the words of `issuesum.text`, F1 and BLEU times 100.

ROUGE: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries"; BLEU: Papineni et al.
2002, in sacrebleu's implementation (Post 2018). Both see the same lower-cased words that the model
sees, so no English stemmer scores another language 0, and no start or end mark is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from issuesum.text.tokens import clean, words


@dataclass(frozen=True)
class Scores:
    """Means over all titles, 0 to 100; bleu is the corpus BLEU-4."""

    rouge_1: float
    rouge_2: float
    rouge_l: float
    bleu: float


class _Words:
    """The tokenizer object that `RougeScorer` asks for."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


def rouge_l(titles: Sequence[str], references: Sequence[str]) -> list[float]:
    """Return the ROUGE-L of each title, 0 to 100."""
    scorer = RougeScorer(["rougeL"], tokenizer=_Words())
    return [
        100 * scorer.score(reference, title)["rougeL"].fmeasure
        for title, reference in zip(titles, references, strict=True)
    ]


def score(titles: Sequence[str], references: Sequence[str]) -> Scores:
    """Score titles against the titles that the authors gave.

    Args:
        titles: what was written; at least one.
        references: what the authors wrote, in the same order.
    """
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=_Words())
    rows = [
        [value.fmeasure for value in scorer.score(reference, title).values()]
        for title, reference in zip(titles, references, strict=True)
    ]
    rouge_1, rouge_2, rouge_long = (100 * np.mean(rows, axis=0)).tolist()
    # `force`: our words are separated by spaces already, which sacrebleu would warn about.
    bleu = sacrebleu.corpus_bleu(
        [clean(title) for title in titles],
        [[clean(reference) for reference in references]],
        tokenize="none",
        force=True,
    )
    return Scores(
        rouge_1=round(rouge_1, 4),
        rouge_2=round(rouge_2, 4),
        rouge_l=round(rouge_long, 4),
        bleu=round(bleu.score, 4),
    )
