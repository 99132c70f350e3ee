"""The vocabulary of all shards from the counts of each, in bounded memory.

Words of a bucket (see `entry`) occur in that bucket of every shard and nowhere else, so a few
buckets at a time are added up whole, their most frequent words kept and the rest forgotten.
Memory is bounded by ENTRIES_AT_ONCE, or by the largest bucket where all shards together have more
than 64 times as many words; not by the distinct words of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from math import ceil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from issuesum.training.features.entry import BUCKETS, Counts, read_statistics, read_words
from issuesum.training.features.ktext_adapter import Field

ENTRIES_AT_ONCE = 1_000_000
"""Words of shards that are added up together, about 100 bytes each."""
_SHARD_BITS = 32  # of a place: the shard above, the place within the shard below


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
        keep: words wanted of each field; of those that occur equally often the ones that occur
            first are preferred.
    """
    sums = {field: _Sums(count, len(entries)) for field, count in keep.items()}
    for words in _in_parts(entries):
        for field, of_field in sums.items():
            of_field.add(words, field)
    return {field: of_field.result() for field, of_field in sums.items()}


def _in_parts(entries: Sequence[Path]) -> Iterator[pa.Table]:
    """Yield the words of a few buckets of all shards at a time."""
    total = sum(read_statistics(entry).words for entry in entries)
    parts = min(BUCKETS, max(1, ceil(total / ENTRIES_AT_ONCE)))
    for buckets in batched(range(BUCKETS), ceil(BUCKETS / parts)):
        tables = []
        for shard, entry in enumerate(entries):
            words = read_words(entry, buckets)
            shard_place = pa.scalar(shard << _SHARD_BITS, pa.int64())
            body_first = pc.add(words["number"].cast(pa.int64()), shard_place)
            title_first = pc.add(words["title_first"], shard_place)
            tables.append(
                words.drop_columns(["number", "title_first"])
                .append_column("body_first", body_first)
                .append_column("title_first", title_first)
            )
        yield pa.concat_tables(tables)


class _Sums:
    """What has been seen so far of one field."""

    def __init__(self, keep: int, shards: int) -> None:
        self._keep = keep
        self._top: list[pa.Table] = []
        self._new = np.zeros(shards, np.int64)
        self._total = 0

    def add(self, words: pa.Table, field: Field) -> None:
        """Add words none of which occurs in another call."""
        of_field = words.select(["word", f"{field}_count", f"{field}_first"])
        of_field = of_field.rename_columns(["word", "count", "first"])
        of_field = of_field.filter(pc.greater(of_field["count"], 0))
        merged = of_field.group_by("word").aggregate([("count", "sum"), ("first", "min")])
        self._top = [self._most_frequent(pa.concat_tables([*self._top, merged]))]
        self._total += pc.sum(merged["count_sum"]).as_py() or 0
        first_shards = merged["first_min"].to_numpy() >> _SHARD_BITS
        self._new += np.bincount(first_shards, minlength=len(self._new))

    def result(self) -> WordCounts:
        top = pa.concat_tables(self._top).sort_by("first_min")
        return WordCounts(
            top=dict(zip(top["word"].to_pylist(), top["count_sum"].to_pylist(), strict=True)),
            distinct=int(self._new.sum()),
            total=self._total,
            growth=np.cumsum(self._new),
        )

    def _most_frequent(self, words: pa.Table) -> pa.Table:
        ranked = words.sort_by([("count_sum", "descending"), ("first_min", "ascending")])
        return ranked.slice(0, self._keep)
