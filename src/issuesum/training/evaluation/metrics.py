"""The table of metrics: one function and one entry each; whatever shows scores reads it.

ROUGE: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries"; BLEU: Papineni et al.
2002, in sacrebleu's implementation (Post 2018). Both see the same lower-cased words that the model
sees, so no English stemmer scores another language 0, and no start or end mark is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from issuesum.text.tokens import clean, words

Floats = NDArray[np.float64]
Scores = dict[str, float]  # by the keys of `METRICS`, rounded to 4 digits


@dataclass(frozen=True)
class Metric:
    """One way to score titles, made of sums over them so that the bootstrap can resample."""

    key: str
    """Its name in eval/metrics.json; `evaluate.gate.min_KEY` is a floor for it."""
    title: str  # shown to people
    statistics: Callable[[Sequence[str], Sequence[str]], Floats]
    """Titles and references in the same order -> (titles,), or (titles, columns)."""
    of_sums: Callable[[Floats, int], float] = lambda sums, titles: float(sums[0]) / titles
    """Sums of the columns, number of titles -> the score; the mean by default."""
    columns: int = 1
    hub: tuple[str, str | None] | None = None  # Hugging Face's metric and configuration, if any

    def of_each(self, titles: Sequence[str], references: Sequence[str]) -> list[float]:
        """Return the score of each title by itself."""
        rows = self.statistics(titles, references).reshape(len(titles), -1)
        return [self.of_sums(row, 1) for row in rows]


def score(titles: Sequence[str], references: Sequence[str]) -> Scores:
    """Score titles, at least one, against those that the authors wrote, in the same order."""
    return score_of(statistics(titles, references).sum(axis=0), len(titles))


def statistics(titles: Sequence[str], references: Sequence[str]) -> Floats:
    """Return what scores are made of, (titles, columns of all metrics in the table's order)."""
    columns = (metric.statistics(titles, references) for metric in METRICS.values())
    return np.hstack([of.reshape(len(titles), -1) for of in columns])


def score_of(sums: Floats, titles: int) -> Scores:
    """Return the scores of so many titles (at least one) whose statistics have these sums."""
    scores, first = {}, 0
    for key, metric in METRICS.items():
        own = sums[first : first + metric.columns]
        scores[key] = round(metric.of_sums(own, titles), 4)
        first += metric.columns
    return scores


def _rouge(kind: str) -> Callable[[Sequence[str], Sequence[str]], Floats]:
    def f1(titles: Sequence[str], references: Sequence[str]) -> Floats:
        from rouge_score.rouge_scorer import RougeScorer

        scorer = RougeScorer([kind], tokenizer=SimpleNamespace(tokenize=words))
        pairs = zip(references, titles, strict=True)
        return np.array([100 * scorer.score(*pair)[kind].fmeasure for pair in pairs])

    return f1


def _ngrams(titles: Sequence[str], references: Sequence[str]) -> Floats:
    """Return n-grams of order 1 to 4 that are right, all of them, and both lengths in words."""
    from sacrebleu import BLEU

    # `force`: our words are separated by spaces already, which sacrebleu would warn about.
    bleu = BLEU(tokenize="none", force=True)
    pairs = zip(titles, references, strict=True)
    scores = [bleu.corpus_score([clean(title)], [[clean(other)]]) for title, other in pairs]
    return np.array([[*of.counts, *of.totals, of.sys_len, of.ref_len] for of in scores], float)


def _bleu(sums: Floats, titles: int) -> float:  # noqa: ARG001 -- of the corpus, not a mean
    from sacrebleu import BLEU

    *counts, own, other = (round(count) for count in sums.tolist())
    return BLEU.compute_bleu(counts[:4], counts[4:], own, other, smooth_method="exp").score


METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric("rouge_1", "ROUGE-1", _rouge("rouge1"), hub=("rouge", "rouge1")),
        Metric("rouge_2", "ROUGE-2", _rouge("rouge2"), hub=("rouge", "rouge2")),
        Metric("rouge_l", "ROUGE-L", _rouge("rougeL"), hub=("rouge", "rougeL")),
        Metric("bleu", "BLEU", _ngrams, _bleu, columns=10, hub=("bleu", None)),
    )
}
"""By key, in the order of eval/metrics.json."""
PRIMARY = "rouge_l"
"""Decides which of two models is better, and is what the gate compares with baselines."""


def metric_titles() -> dict[str, str]:
    """Return the names for people, by key."""
    return {key: metric.title for key, metric in METRICS.items()}
