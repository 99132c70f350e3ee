"""The vocabulary of all shards from the counts of each, in bounded memory.

Words of a bucket (see `entry`) occur in that bucket of every shard and nowhere else, so a few
buckets at a time are added up whole, their most frequent words kept and the rest forgotten.
Memory is bounded by ENTRIES_AT_ONCE, or by the largest bucket where all shards together have more
than 64 times as many words; not by the distinct words of all.
"""

from __future__ import annotations

from collections import Counter
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
_MOST_FREQUENT = [("count_sum", "descending"), ("first_min", "ascending")]


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
    totals: Counter[Field] = Counter()
    for words in _in_parts(entries):
        for field, most in keep.items():
            merged = _merged(words, field)
            ranked = pa.concat_tables([*tops[field], merged]).sort_by(_MOST_FREQUENT)
            tops[field] = [ranked.slice(0, most)]
            totals[field] += pc.sum(merged["count_sum"]).as_py() or 0
            shards = merged["first_min"].to_numpy() >> _SHARD_BITS
            new[field] += np.bincount(shards, minlength=len(entries))
    found = {}
    for field in keep:
        top = pa.concat_tables(tops[field]).sort_by("first_min")
        counts = dict(zip(top["word"].to_pylist(), top["count_sum"].to_pylist(), strict=True))
        growth = np.cumsum(new[field])
        found[field] = WordCounts(counts, int(growth[-1]), totals[field], growth)
    return found


def _in_parts(entries: Sequence[Path]) -> Iterator[pa.Table]:
    """Yield the words of a few buckets of all shards at a time."""
    total = sum(read_statistics(entry).words for entry in entries)
    parts = min(BUCKETS, max(1, ceil(total / ENTRIES_AT_ONCE)))
    for buckets in batched(range(BUCKETS), ceil(BUCKETS / parts)):
        tables = []
        for shard, entry in enumerate(entries):
            words = read_words(entry, buckets)
            place = pa.scalar(shard << _SHARD_BITS, pa.int64())
            body_first = pc.add(words["number"].cast(pa.int64()), place)
            title_first = pc.add(words["title_first"], place)
            words = words.drop_columns(["number", "title_first"])
            words = words.append_column("body_first", body_first)
            tables.append(words.append_column("title_first", title_first))
        yield pa.concat_tables(tables)


def _merged(words: pa.Table, field: Field) -> pa.Table:
    of_field = words.select(["word", f"{field}_count", f"{field}_first"])
    of_field = of_field.rename_columns(["word", "count", "first"])
    of_field = of_field.filter(pc.greater(of_field["count"], 0))
    return of_field.group_by("word").aggregate([("count", "sum"), ("first", "min")])
