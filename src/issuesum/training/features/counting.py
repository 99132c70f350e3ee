"""The vocabulary of all shards from the counts of each, in bounded memory.

Words of a bucket (see `tokenise`) occur in that bucket of every shard and nowhere else, so a few
buckets at a time are added up whole, their most frequent words kept and the rest forgotten.
Memory is bounded by ENTRIES_AT_ONCE, or by the largest bucket where all shards together have more
than 64 times as many words; not by the distinct words of all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from math import ceil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from issuesum.training.features.ktext_adapter import Field
from issuesum.training.features.tokenise import BUCKETS, Counts, read_statistics, read_words

ENTRIES_AT_ONCE = 1_000_000
"""Words of shards that are added up together, about 100 bytes each."""
_SHARD_BITS = 32  # of a place: the shard above, the place within the shard below
_MOST_FREQUENT = [("count", "descending"), ("first", "ascending")]


@dataclass(frozen=True)
class WordCounts:
    """Counts of one field over all shards."""

    top: dict[str, int]  # the most frequent words and their counts, by first occurrence
    distinct: int  # distinct words
    total: int  # words
    growth: Counts  # int64 (shards,), distinct words in the first n + 1 shards


def count_words(entries: Sequence[Path], keep: dict[Field, int]) -> dict[Field, WordCounts]:
    """Add up the counts of shards.

    Args:
        entries: folders of the shards' entries, in the order of the shards.
        keep: how many words are wanted of each field; of those that occur equally often the ones
            that occur first are preferred.
    """
    tops: dict[Field, list[pa.Table]] = {field: [] for field in keep}
    new = {field: np.zeros(len(entries), np.int64) for field in keep}
    totals = dict.fromkeys(keep, 0)
    for words in _in_parts(entries):
        coded = words["word"].combine_chunks().dictionary_encode()
        for field, most in keep.items():
            merged = _merged(words, coded, field)
            both = pa.concat_tables([*tops[field], merged])
            if len(both):  # of none it cannot select
                both = both.take(pc.select_k_unstable(both, most, _MOST_FREQUENT))
            tops[field] = [both]
            totals[field] += pc.sum(merged["count"]).as_py() or 0
            shards = merged["first"].to_numpy() >> _SHARD_BITS
            new[field] += np.bincount(shards, minlength=len(entries))
    found = {}
    for field in keep:
        top = pa.concat_tables(tops[field]).sort_by("first")
        counts = dict(zip(top["word"].to_pylist(), top["count"].to_pylist(), strict=True))
        growth = np.cumsum(new[field])
        found[field] = WordCounts(counts, int(growth[-1]), totals[field], growth)
    return found


def _in_parts(entries: Sequence[Path]) -> Iterator[pa.Table]:
    """Yield the words of a few buckets of all shards at a time, with the number of their shard."""
    total = sum(read_statistics(entry).words for entry in entries)
    parts = min(BUCKETS, max(1, ceil(total / ENTRIES_AT_ONCE)))
    for buckets in batched(range(BUCKETS), ceil(BUCKETS / parts)):
        tables = [read_words(entry, buckets) for entry in entries]
        shards = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
        yield pa.concat_tables(tables).append_column("shard", pa.array(shards))


def _merged(words: pa.Table, coded: pa.DictionaryArray, field: Field) -> pa.Table:
    """Return the words of a field with their counts and first places; `coded` are `words`' own."""
    held = words[f"{field}_count"].to_numpy() > 0
    code, count = coded.indices.to_numpy()[held], words[f"{field}_count"].to_numpy()[held]
    within = words["number" if field == "body" else "title_first"].to_numpy()[held]
    place = (words["shard"].to_numpy()[held] << _SHARD_BITS) + within
    first = np.zeros(len(coded.dictionary), np.int64)
    first[code[::-1]] = place[::-1]  # the last assignment holds, and shards are in order
    # Sums of integers, which are exact below 2**53.
    sums = np.bincount(code, count, minlength=len(first)).astype(np.int64)
    merged = pa.table({"word": coded.dictionary, "count": sums, "first": first})
    return merged.filter(pa.array(sums > 0))
