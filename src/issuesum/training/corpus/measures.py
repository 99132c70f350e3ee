"""From raw counts to the numbers of a `DataProfile`, rounded so that its diffs stay readable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from issuesum.training.corpus.profile import BINS, Languages

WORDS = 1000
"""Most frequent words that a profile names."""
GROWTH_POINTS = 50
"""Points of a growth curve at most."""
OTHER = "other"
"""What rare languages are added up as."""
_RARE = 0.005  # languages of a smaller share

Counts = npt.NDArray[np.int64]


def share(part: int, whole: int) -> float:
    """Return part / whole, to four decimals; 0 if there is nothing."""
    return round(part / whole, 4) if whole else 0.0


def length_statistics(counts: Counts, words: int) -> tuple[float, int, int]:
    """Return mean, median and 95th percentile of the lengths of texts.

    The mean is exact, to two decimals. The other two are the least length that at least half, or
    95 %, of the texts do not exceed (definition 1 of Hyndman & Fan, "Sample Quantiles in
    Statistical Packages", 1996), exact below the last cell; `len(counts) - 1` means that or more.

    Args:
        counts: `counts[n]` texts have n words; the last cell holds the longer ones too.
        words: words of all texts.
    """
    upto = np.cumsum(counts)
    texts = int(upto[-1])
    if not texts:
        return 0.0, 0, 0
    # Whole numbers, because 0.95 has no exact binary form.
    median, p95 = (int(np.searchsorted(upto * 100, texts * percent)) for percent in (50, 95))
    return round(words / texts, 2), median, p95


def histogram(counts: Counts) -> tuple[int, ...]:
    """Return the texts in each of `BINS`.

    Args:
        counts: `counts[n]` texts have n words; at least `BINS[-1] + 1` cells, of which the last
            holds the longer texts too.

    Raises:
        ValueError: there are fewer cells, so the bins of long texts are not known.
    """
    if len(counts) <= BINS[-1]:
        msg = f"counts must have at least {BINS[-1] + 1} cells, received {len(counts)}"
        raise ValueError(msg)
    return tuple(map(int, np.add.reduceat(counts, BINS)))


def growth_curve(
    rows: Sequence[int] | Counts, distinct: Sequence[int] | Counts
) -> tuple[tuple[int, int], ...]:
    """Return at most `GROWTH_POINTS` pairs, evenly chosen; the last one is among them.

    Args:
        rows: issues in the first n + 1 shards.
        distinct: distinct words in them.
    """
    last = len(rows) - 1
    chosen = np.linspace(last, 0, min(len(rows), GROWTH_POINTS)).round().astype(int)[::-1]
    return tuple((int(rows[place]), int(distinct[place])) for place in chosen)


def frequent_words(counts: Mapping[str, int], total: int) -> tuple[tuple[str, float], ...]:
    """Return the `WORDS` most frequent words with occurrences in 10,000 words, to two decimals.

    Args:
        counts: words, the most frequent ones at least, and how often each occurs.
        total: occurrences of all words.
    """
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple((word, round(10_000 * count / total, 2)) for word, count in ranked[:WORDS])


def language_shares(counts: Mapping[str, int]) -> Languages:
    """Return shares, to four decimals, of texts by language; the rare ones become `OTHER`.

    Args:
        counts: texts by language.
    """
    sampled = sum(counts.values())
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shares = {code: share(n, sampled) for code, n in ranked if n >= _RARE * sampled}
    if rest := sum(n for code, n in ranked if code not in shares):
        shares[OTHER] = share(rest, sampled)
    return Languages(sampled, shares)
