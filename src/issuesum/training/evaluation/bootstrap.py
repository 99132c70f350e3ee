"""How far scores would scatter over other test issues (Efron & Tibshirani 1993; Koehn 2004)."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from issuesum.training.evaluation.scores import Scores, score_of

RESAMPLES = 2000
_SEED = 2018
_AT_ONCE = 100
"""Resamples drawn at once: bounds the memory to some megabytes for 5,000 titles."""
_TAILS = (2.5, 97.5)


@dataclass(frozen=True)
class Interval:
    """A score, or a difference of two, with its 95 % bootstrap interval.

    Attributes:
        value: of the titles at hand.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether a difference is larger than chance explains."""
        return self.low > 0 or self.high < 0


def intervals(
    statistics: NDArray[np.float64], *, resamples: int = RESAMPLES
) -> dict[str, Interval]:
    """Return each score of `Scores` with its interval, by name.

    Args:
        statistics: (titles, 13), what `scores.statistics` returned; at least one title.
        resamples: drawn with replacement, as many titles each; the seed is fixed.
    """
    count = len(statistics)
    value = _scores(statistics.sum(axis=0)[None], count)[0]
    return _intervals(value, _scores(_resample(statistics, resamples, _SEED), count))


def paired_difference(
    now: NDArray[np.float64], before: NDArray[np.float64], *, resamples: int = RESAMPLES
) -> dict[str, Interval]:
    """Return `now` minus `before`, by score: both sides are resampled together.

    Args:
        now: (titles, 13).
        before: (titles, 13), of the same issues in the same order.
        resamples: as for `intervals`.
    """
    count, width = now.shape
    both = np.hstack([now, before])

    def difference(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return _scores(sums[:, :width], count) - _scores(sums[:, width:], count)

    value = difference(both.sum(axis=0)[None])[0]
    return _intervals(value, difference(_resample(both, resamples, _SEED)))


def unpaired_difference(
    now: NDArray[np.float64], before: NDArray[np.float64], *, resamples: int = RESAMPLES
) -> dict[str, Interval]:
    """Return `now` minus `before`, by score: each side is resampled on its own.

    Args:
        now: (titles, 13).
        before: (other titles, 13).
        resamples: as for `intervals`.
    """
    sides = ((now, _SEED), (before, _SEED + 1))
    values = [_scores(side.sum(axis=0)[None], len(side)) for side, _ in sides]
    scattered = [_scores(_resample(side, resamples, seed), len(side)) for side, seed in sides]
    return _intervals((values[0] - values[1])[0], scattered[0] - scattered[1])


def mean_interval(values: NDArray[np.float64], *, resamples: int = RESAMPLES) -> Interval:
    """Return the mean of values with its interval.

    Args:
        values: (rows,), at least one.
        resamples: as for `intervals`.
    """
    means = _resample(values[:, None], resamples, _SEED) / len(values)
    low, high = np.percentile(means, _TAILS)
    return Interval(float(values.mean()), float(low), float(high))


def _resample(rows: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Return (resamples, columns): sums of as many rows, drawn with replacement."""
    generator = np.random.default_rng(seed)
    count = len(rows)
    parts = []
    for first in range(0, resamples, _AT_ONCE):
        drawn = generator.integers(count, size=(min(_AT_ONCE, resamples - first), count))
        weights = np.stack([np.bincount(line, minlength=count) for line in drawn])
        parts.append(weights @ rows)
    return np.concatenate(parts)


def _scores(sums: NDArray[np.float64], titles: int) -> NDArray[np.float64]:
    return np.array([astuple(score_of(line, titles)) for line in sums])


def _intervals(values: NDArray[np.float64], scattered: NDArray[np.float64]) -> dict[str, Interval]:
    ends = np.percentile(scattered, _TAILS, axis=0)
    return {
        field.name: Interval(float(value), float(low), float(high))
        for field, value, low, high in zip(fields(Scores), values, *ends, strict=True)
    }
