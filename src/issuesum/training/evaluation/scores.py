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
from numpy.typing import NDArray
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
    return score_of(statistics(titles, references).sum(axis=0), len(titles))


def statistics(titles: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
    """Return what scores are made of, a row a title: their sums are enough for `score_of`.

    Returns:
        (titles, 13): ROUGE-1, ROUGE-2 and ROUGE-L, 0 to 1; n-grams of order 1 to 4 that are right,
        and all of them; length of the title and of the reference in words.
    """
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=_Words())
    # `force`: our words are separated by spaces already, which sacrebleu would warn about.
    bleu = sacrebleu.BLEU(tokenize="none", force=True)
    rows = np.empty((len(titles), 13))
    for row, title, reference in zip(rows, titles, references, strict=True):
        row[:3] = [value.fmeasure for value in scorer.score(reference, title).values()]
        of_title = bleu.corpus_score([clean(title)], [[clean(reference)]])
        row[3:] = [*of_title.counts, *of_title.totals, of_title.sys_len, of_title.ref_len]
    return rows


def score_of(sums: NDArray[np.float64], titles: int) -> Scores:
    """Return the scores of so many titles whose statistics have these sums.

    Args:
        sums: (13,) of `statistics`.
        titles: how many; at least one.
    """
    rouge_1, rouge_2, rouge_long = (100 * sums[:3] / titles).tolist()
    counts = [round(count) for count in sums[3:].tolist()]
    bleu = sacrebleu.BLEU.compute_bleu(
        counts[:4], counts[4:8], counts[8], counts[9], smooth_method="exp"
    )
    return Scores(
        rouge_1=round(rouge_1, 4),
        rouge_2=round(rouge_2, 4),
        rouge_l=round(rouge_long, 4),
        bleu=round(bleu.score, 4),
    )
