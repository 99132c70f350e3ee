"""The data profile from what tokenising and encoding have counted anyway.

Numbers are rounded so that diffs of the profile stay readable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from issuesum.text.tokens import END, START
from issuesum.text.vocabulary import Vocabulary
from issuesum.training.corpus.profile import BINS, DataProfile, FieldProfile, Languages, Rows
from issuesum.training.corpus.shards import Side, SplitSummary
from issuesum.training.features.counting import WordCounts
from issuesum.training.features.encoding import UnknownWords
from issuesum.training.features.entry import Counts, ShardStatistics, read_statistics
from issuesum.training.features.ktext_adapter import Field

WORDS = 1000
"""Most frequent words that a profile names."""
GROWTH_POINTS = 50  # of a curve at most
OTHER = "other"  # rare languages, added up
_RARE = 0.005  # languages of a smaller share


def profile_data(
    entries: Mapping[Side, Sequence[Path]],
    counts: Mapping[Field, WordCounts],
    vocabularies: Mapping[Field, Vocabulary],
    unknown: UnknownWords,
    split: SplitSummary,
) -> DataProfile:
    """Put together the profile of the data.

    Args:
        entries: of the shards of the training and the validation split, in order.
        counts: of the training split's words.
        vocabularies: made from `counts`.
        unknown: of the whole validation split.
        split: summary of the split stage.
    """
    of_train = [read_statistics(entry) for entry in entries["train"]]
    of_validation = [read_statistics(entry) for entry in entries["validation"]]
    both = [*of_train, *of_validation]
    rows = np.cumsum([shard.rows for shard in of_train])
    fields = {
        field: _profile_field(
            both,
            field,
            counts[field],
            rows=rows,
            vocabulary=vocabularies[field],
            unknown=share(unknown.words[field], _sum(of_validation, f"{field}_words")),
        )
        for field in vocabularies
    }
    languages = sum((Counter(shard.languages) for shard in both), Counter[str]())
    return DataProfile(
        rows=Rows(
            read=split.rows,
            rejected=sum(split.rejected.values()),
            repeated=split.repeated,
            train=split.train,
            validation=split.validation,
            test=split.test,
            reasons=split.rejected,
        ),
        body=fields["body"],
        title=fields["title"],
        copyable=share(_sum(both, "copyable"), _sum(both, "title_words")),
        languages=language_shares(languages),
    )


def _profile_field(
    shards: Sequence[ShardStatistics],
    field: Field,
    counts: WordCounts,
    *,
    rows: Counts,
    vocabulary: Vocabulary,
    unknown: float,
) -> FieldProfile:
    lengths = np.sum([getattr(shard, f"{field}_lengths") for shard in shards], axis=0)
    mean, median, p95 = length_statistics(lengths, _sum(shards, f"{field}_words"))
    marks = (START, END) if vocabulary.append_indicators else ()
    spoken = {word: count for word, count in counts.top.items() if word not in marks}
    marked = sum(counts.top.get(mark, 0) for mark in marks)
    return FieldProfile(
        words_mean=mean,
        words_median=median,
        words_p95=p95,
        distinct=counts.distinct - len(marks),
        kept=len(set(vocabulary.words).difference(marks)),
        unknown=unknown,
        histogram=histogram(lengths),
        growth=growth_curve(rows, counts.growth - len(marks)),
        words=frequent_words(spoken, counts.total - marked),
    )


def _sum(shards: Sequence[ShardStatistics], name: str) -> int:
    return sum(getattr(shard, name) for shard in shards)


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
        counts: as for `length_statistics`.

    Raises:
        ValueError: there are too few cells, so the bins of long texts are not known.
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
    return tuple(
        (word, round(10_000 * count / total, 2)) for word, count in _ranked(counts)[:WORDS]
    )


def language_shares(counts: Mapping[str, int]) -> Languages:
    """Return shares, to four decimals, of texts by language; the rare ones become `OTHER`."""
    sampled = sum(counts.values())
    shares = {code: share(n, sampled) for code, n in _ranked(counts) if n >= _RARE * sampled}
    if rest := sum(n for code, n in counts.items() if code not in shares):
        shares[OTHER] = share(rest, sampled)
    return Languages(sampled, shares)


def _ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
