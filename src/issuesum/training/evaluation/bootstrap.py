"""How far scores would scatter over other test issues (Efron & Tibshirani 1993; Koehn 2004).

Titles are drawn with replacement, as many as there are, `resamples` times; the seed is fixed.
Statistics are what `metrics.statistics` returns, (titles, columns), of at least one title.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from issuesum.training.evaluation.metrics import METRICS, Floats, score_of

RESAMPLES = 2000
_SEED = 2018
_AT_ONCE = 100
"""Resamples drawn at once: bounds the memory to some megabytes for 5,000 titles."""
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


def intervals(statistics: Floats, *, resamples: int = RESAMPLES) -> dict[str, Interval]:
    """Return each score with its interval, by the keys of `METRICS`."""
    return _of_sums(statistics, lambda sums: _scores(sums, len(statistics)), resamples)


def paired_difference(
    now: Floats, before: Floats, *, resamples: int = RESAMPLES
) -> dict[str, Interval]:
    """Return `now` minus `before` of the same issues: both sides are resampled together."""
    count, width = now.shape

    def difference(sums: Floats) -> Floats:
        return _scores(sums[:, :width], count) - _scores(sums[:, width:], count)

    return _of_sums(np.hstack([now, before]), difference, resamples)


def unpaired_difference(
    now: Floats, before: Floats, *, resamples: int = RESAMPLES
) -> dict[str, Interval]:
    """Return `now` minus `before` of other issues: each side is resampled on its own."""
    sides = ((now, _SEED), (before, _SEED + 1))
    values = [_scores(side.sum(axis=0)[None], len(side))[0] for side, _ in sides]
    scattered = [_scores(_resample(side, resamples, seed), len(side)) for side, seed in sides]
    return _intervals(values[0] - values[1], scattered[0] - scattered[1])


def mean_interval(values: Floats, *, resamples: int = RESAMPLES) -> Interval:
    """Return the mean of values, (rows,), with its interval."""
    means = _resample(values[:, None], resamples, _SEED) / len(values)
    low, high = np.percentile(means, _TAILS)
    return Interval(float(values.mean()), float(low), float(high))


def _of_sums(
    rows: Floats, scores: Callable[[Floats], Floats], resamples: int
) -> dict[str, Interval]:
    value = scores(rows.sum(axis=0)[None])[0]
    return _intervals(value, scores(_resample(rows, resamples, _SEED)))


def _resample(rows: Floats, resamples: int, seed: int) -> Floats:
    """Return (resamples, columns): sums of as many rows, drawn with replacement."""
    generator = np.random.default_rng(seed)
    count = len(rows)
    parts = []
    for first in range(0, resamples, _AT_ONCE):
        drawn = generator.integers(count, size=(min(_AT_ONCE, resamples - first), count))
        weights = np.stack([np.bincount(line, minlength=count) for line in drawn])
        parts.append(weights @ rows)
    return np.concatenate(parts)


def _scores(sums: Floats, titles: int) -> Floats:
    return np.array([list(score_of(line, titles).values()) for line in sums])


def _intervals(values: Floats, scattered: Floats) -> dict[str, Interval]:
    ends = np.percentile(scattered, _TAILS, axis=0)
    return {
        key: Interval(float(value), float(low), float(high))
        for key, value, low, high in zip(METRICS, values, *ends, strict=True)
    }
