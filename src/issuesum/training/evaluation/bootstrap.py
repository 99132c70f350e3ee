"""How far scores would scatter over other test issues (Efron & Tibshirani 1993; Koehn 2004).

Titles are drawn with replacement, as many as there are, `resamples` times; the seed is fixed.
Statistics are those of `metrics.statistics`, (titles, columns), of at least one title.
"""

import math
from dataclasses import dataclass

import numpy as np

from issuesum.training.evaluation.metrics import METRICS, Floats, score_of

RESAMPLES = 2000
_SEED = 2018
_AT_ONCE = 100  # resamples drawn at once: bounds the memory to some megabytes for 5,000 titles
_TAILS = (2.5, 97.5)


@dataclass(frozen=True)
class Interval:
    """A score of the titles at hand, or a difference of two, with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether a difference is larger than chance explains."""
        return self.low > 0 or self.high < 0


Intervals = dict[str, Interval]


def intervals(statistics: Floats, *, resamples: int = RESAMPLES) -> Intervals:
    """Return each score with its interval, by the keys of `METRICS`, without those that are nan."""
    return _intervals(_scores(statistics, resamples))


def paired_difference(now: Floats, before: Floats, *, resamples: int = RESAMPLES) -> Intervals:
    """Return `now` minus `before` of the same issues: both are resampled together."""
    return _intervals(_scores(now, resamples) - _scores(before, resamples))


def unpaired_difference(now: Floats, before: Floats, *, resamples: int = RESAMPLES) -> Intervals:
    """Return `now` minus `before` of other issues: each is resampled on its own."""
    return _intervals(_scores(now, resamples) - _scores(before, resamples, _SEED + 1))


def mean_interval(values: Floats, *, resamples: int = RESAMPLES) -> Interval:
    """Return the mean of values, (rows,), with its interval."""
    low, high = np.percentile(_sums(values[:, None], resamples)[1:] / len(values), _TAILS)
    return Interval(float(values.mean()), float(low), float(high))


def _sums(rows: Floats, resamples: int, seed: int = _SEED) -> Floats:
    """Return (1 + resamples, columns): the sum of the rows, then those of as many drawn ones."""
    generator = np.random.default_rng(seed)
    count = len(rows)
    parts = [rows.sum(axis=0)[None]]
    for first in range(0, resamples, _AT_ONCE):
        drawn = generator.integers(count, size=(min(_AT_ONCE, resamples - first), count))
        weights = np.stack([np.bincount(line, minlength=count) for line in drawn])
        parts.append(weights @ rows)
    return np.concatenate(parts)


def _scores(rows: Floats, resamples: int, seed: int = _SEED) -> Floats:
    """Return (1 + resamples, metrics): the scores of the titles, then those of drawn ones."""
    sums = _sums(rows, resamples, seed)
    return np.array([list(score_of(line, len(rows)).values()) for line in sums])


def _intervals(scores: Floats) -> Intervals:
    columns = zip(METRICS, scores[0], *np.percentile(scores[1:], _TAILS, axis=0), strict=True)
    found = {key: Interval(*map(float, of)) for key, *of in columns}
    return {key: of for key, of in found.items() if not math.isnan(of.value)}
