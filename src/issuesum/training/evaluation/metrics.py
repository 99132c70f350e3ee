"""The table of metrics: one function and one entry each; whatever shows scores reads it.

ROUGE: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries"; BLEU: Papineni et al.
2002, in sacrebleu's implementation (Post 2018). All see the same lower-cased words that the model
sees, so no English stemmer scores another language 0, and no start or end mark is counted.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Literal, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from issuesum.text.prose import body_words
from issuesum.text.tokens import clean, words
from issuesum.training import hidden

Floats = NDArray[np.float64]
Scores = dict[str, float]  # by the keys of `METRICS`, rounded to 4 digits

FUNCTION_WORDS = frozenset(words(
    "a an the and or nor but if than because while whether of to in on at by for from with "
    "without into onto via as is are was were be been am being has have its my your his her "
    "their our these those when where which who whose that this"
))  # fmt: skip
"""English words that need another one behind them."""
_MOSTLY_LAST = 0.2
"""Share of a word's uses in the references, above which it may well end a title: in other languages
words of the same letters do, such as Dutch `is` or German `an`."""


class Facts(TypedDict, total=False):
    """What some metrics need besides titles and references."""

    bodies: Sequence[str]  # raw, in the order of the titles
    max_words: int  # of a title at most


@dataclass(frozen=True)
class Metric:
    """One way to score titles, made of sums over them so that the bootstrap can resample."""

    key: str
    """Its name in eval/metrics.json; `evaluate.gate.min_KEY` and `max_KEY` are limits for it."""
    title: str  # shown to people
    statistics: Callable[..., Floats]
    """Titles and references in one order, what it `needs` -> (titles,) or (titles, columns)."""
    of_sums: Callable[[Floats, int], float] = lambda sums, titles: float(sums[0]) / titles
    """Sums of the columns, number of titles -> the score; the mean by default."""
    columns: int = 1
    hub: tuple[str, str | None] | None = None  # Hugging Face's metric and configuration, if any
    needs: tuple[Literal["bodies", "max_words"], ...] = ()  # of `Facts`
    better: Literal[-1, 0, 1] = 1  # if it is higher, or lower; 0 says nothing
    about: str = ""  # explains the numbers

    def of_each(self, titles: Sequence[str], references: Sequence[str]) -> list[float]:
        """Return the score of each title by itself."""
        rows = self.statistics(titles, references).reshape(len(titles), -1)
        return [self.of_sums(row, 1) for row in rows]


def score(titles: Sequence[str], references: Sequence[str], **facts: Unpack[Facts]) -> Scores:
    """Score titles, at least one, against those that the authors wrote, in the same order.

    A metric that needs a fact that is not given is left out.
    """
    found = score_of(statistics(titles, references, **facts).sum(axis=0), len(titles))
    return {key: value for key, value in found.items() if not math.isnan(value)}


def statistics(titles: Sequence[str], references: Sequence[str], **facts: Unpack[Facts]) -> Floats:
    """Return what scores are made of, (titles, columns of all metrics in the table's order).

    Columns of a metric that needs a fact that is not given are nan.
    """
    parts = []
    for metric in METRICS.values():
        own = np.full((len(titles), metric.columns), np.nan)
        if facts.keys() >= set(metric.needs):
            own = metric.statistics(titles, references, *(facts[name] for name in metric.needs))
        parts.append(own.reshape(len(titles), -1))
    return np.hstack(parts)


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
        with hidden("scipy", "sklearn"):  # by nltk, of which this needs a stemmer
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


def _dangling(titles: Sequence[str], references: Sequence[str]) -> Floats:
    """Return whether each title ends in a function word, other than those that end references."""
    authors = [words(reference) for reference in references]
    used = Counter(word for row in authors for word in row)
    last = Counter(row[-1] for row in authors if row)
    open_ = {word for word in FUNCTION_WORDS if last[word] <= _MOSTLY_LAST * used[word]}
    return np.array([100.0 * bool(open_.intersection(words(title)[-1:])) for title in titles])


def _at_limit(titles: Sequence[str], references: Sequence[str], max_words: int) -> Floats:  # noqa: ARG001
    return np.array([100.0 * (len(words(title)) >= max_words) for title in titles])


def _opening(titles: Sequence[str], references: Sequence[str], bodies: Sequence[str]) -> Floats:  # noqa: ARG001
    """Return whether each title is empty or the first words of the body."""
    pairs = zip(map(words, titles), bodies, strict=True)
    return np.array([100.0 * (row == body_words(body)[: len(row)]) for row, body in pairs])


def _lengths(titles: Sequence[str], references: Sequence[str]) -> Floats:
    pairs = zip(titles, references, strict=True)
    return np.array([[len(words(text)) for text in pair] for pair in pairs], float)


METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric("rouge_1", "ROUGE-1", _rouge("rouge1"), hub=("rouge", "rouge1")),
        Metric("rouge_2", "ROUGE-2", _rouge("rouge2"), hub=("rouge", "rouge2")),
        Metric("rouge_l", "ROUGE-L", _rouge("rougeL"), hub=("rouge", "rougeL")),
        Metric("bleu", "BLEU", _ngrams, _bleu, columns=10, hub=("bleu", None)),
        Metric("dangling", "Dangling", _dangling, better=-1,
               about="% of titles that end in an English function word, such as `with`"),
        Metric("at_limit", "At limit", _at_limit, needs=("max_words",), better=-1,
               about="% as long as a title may be"),
        Metric("opening", "Opening", _opening, needs=("bodies",), better=-1,
               about="% that are empty or the first words of the body"),
        Metric("length", "Length", _lengths, lambda sums, _: 100 * sums[0] / max(sums[1], 1.0),
               columns=2, better=0, about="words in % of those of the authors' titles"),
    )
}  # fmt: skip
"""By key, in the order of eval/metrics.json."""
PRIMARY = "rouge_l"
"""Decides which of two models is better, and is what the gate compares with baselines."""


def metric_titles() -> dict[str, str]:
    """Return the names for people, by key."""
    return {key: metric.title for key, metric in METRICS.items()}
