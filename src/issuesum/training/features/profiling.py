"""The data profile from what tokenising and encoding have counted anyway.

Numbers are rounded so that diffs of the profile stay readable.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from issuesum.layout import Split
from issuesum.text.tokens import END, START
from issuesum.text.vocabulary import Vocabulary
from issuesum.training.corpus.profile import BINS, DataProfile, FieldProfile, Languages, Rows
from issuesum.training.corpus.shards import SplitSummary
from issuesum.training.features.counting import WordCounts
from issuesum.training.features.encoding import UnknownWords
from issuesum.training.features.ktext_adapter import Field
from issuesum.training.features.tokenise import Counts, ShardStatistics, read_statistics

WORDS = 1000  # most frequent ones that a profile names
GROWTH_POINTS = 50  # of a curve at most
OTHER = "other"  # rare languages, added up
_RARE = 0.005  # languages of a smaller share


def profile_data(
    entries: Mapping[Split, Sequence[Path]],
    counts: Mapping[Field, WordCounts],
    vocabularies: Mapping[Field, Vocabulary],
    unknown: UnknownWords,
    split: SplitSummary,
) -> DataProfile:
    """Return the profile of the data.

    `entries` are those of the training and validation split's shards, in order; `counts` those of
    the training split, from which the vocabularies were made.
    """
    of_train = [read_statistics(entry) for entry in entries["train"]]
    of_validation = [read_statistics(entry) for entry in entries["validation"]]
    both = [*of_train, *of_validation]
    rows = np.cumsum([shard.rows for shard in of_train])
    fields = {}
    for field, vocabulary in vocabularies.items():
        lengths = np.sum([getattr(shard, f"{field}_lengths") for shard in both], axis=0)
        mean, median, p95 = length_statistics(lengths, _sum(both, f"{field}_words"))
        marks = (START, END) if vocabulary.append_indicators else ()
        counted = counts[field]
        words = {word: count for word, count in counted.top.items() if word not in marks}
        marked = sum(counted.top.get(mark, 0) for mark in marks)
        fields[field] = FieldProfile(
            words_mean=mean,
            words_median=median,
            words_p95=p95,
            distinct=counted.distinct - len(marks),
            kept=len(set(vocabulary.words).difference(marks)),
            unknown=share(unknown.words[field], _sum(of_validation, f"{field}_words")),
            histogram=histogram(lengths),
            growth=growth_curve(rows, counted.growth - len(marks)),
            words=frequent_words(words, counted.total - marked),
        )
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

    `counts[n]` texts have n words; the last cell holds the longer ones too. All have `words`.
    """
    upto = np.cumsum(counts)
    texts = int(upto[-1])
    if not texts:
        return 0.0, 0, 0
    # Whole numbers, because 0.95 has no exact binary form.
    median, p95 = (int(np.searchsorted(upto * 100, texts * percent)) for percent in (50, 95))
    return round(words / texts, 2), median, p95


def histogram(counts: Counts) -> tuple[int, ...]:
    """Return the texts in each of `BINS`; `counts` are as for `length_statistics`."""
    return tuple(map(int, np.add.reduceat(counts, BINS)))


def growth_curve(rows: Counts, distinct: Counts) -> tuple[tuple[int, int], ...]:
    """Return at most `GROWTH_POINTS` pairs, evenly chosen, the last one among them.

    Of n + 1 shards `rows[n]` are the issues and `distinct[n]` the distinct words.
    """
    last = len(rows) - 1
    chosen = np.linspace(last, 0, min(len(rows), GROWTH_POINTS)).round().astype(int)[::-1]
    return tuple((int(rows[place]), int(distinct[place])) for place in chosen)


def frequent_words(counts: Mapping[str, int], total: int) -> tuple[tuple[str, float], ...]:
    """Return the `WORDS` most frequent words with occurrences in 10,000 words, to two decimals.

    `counts` need hold only the most frequent words; `total` counts all occurrences.
    """
    ranked = _ranked(counts)[:WORDS]
    return tuple((word, round(10_000 * count / total, 2)) for word, count in ranked)


def language_shares(counts: Mapping[str, int]) -> Languages:
    """Return shares, to four decimals, of texts by language; the rare ones become `OTHER`."""
    sampled = sum(counts.values())
    shares = {code: share(n, sampled) for code, n in _ranked(counts) if n >= _RARE * sampled}
    if rest := sum(n for code, n in counts.items() if code not in shares):
        shares[OTHER] = share(rest, sampled)
    return Languages(sampled, shares)


def _ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
