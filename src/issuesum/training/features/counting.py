"""The vocabulary of all shards from the counts of each, in bounded memory.

Words of a bucket (see `tokenise`) occur in that bucket of every shard and nowhere else, so a few
buckets at a time are added up whole, their most frequent words kept and the rest forgotten.
Memory is bounded by ENTRIES_AT_ONCE, or by the largest bucket where all shards together have more
than 64 times as many words; not by the distinct words of all.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import batched
from math import ceil
from pathlib import Path

import numpy as np
import pyarrow as pa

from issuesum.training.features.ktext_adapter import Field
from issuesum.training.features.tokenise import BUCKETS, Counts, read_words, to_arrow, to_numpy

ENTRIES_AT_ONCE = 500_000
"""Words of shards that a thread adds up together, about 100 bytes each."""
_MAPPED = 16  # entries at a time whose files are in memory, more of each than is read
type _Part = dict[Field, tuple[pa.RecordBatch, int, Counts]]
_SHARD_BITS = 32  # of a place: the shard above, the place within the shard below


@dataclass(frozen=True)
class WordCounts:
    """Counts of one field over all shards."""

    top: dict[str, int]  # the most frequent words and their counts, by first occurrence
    distinct: int  # distinct words
    total: int  # words
    growth: Counts  # int64 (shards,), distinct words in the first n + 1 shards


def count_words(
    entries: Sequence[Path], keep: dict[Field, int], each: Callable[..., Iterable[_Part]] = map
) -> dict[Field, WordCounts]:
    """Add up the counts of shards.

    Args:
        entries: folders of the shards' entries, in the order of the shards.
        keep: how many words are wanted of each field; of those that occur equally often the ones
            that occur first are preferred.
        each: what applies a function to many arguments, such as an executor's `map`.
    """
    needed = ceil(sum(len(read_words(entry)) for entry in entries) / ENTRIES_AT_ONCE)
    buckets = batched(range(BUCKETS), ceil(BUCKETS / min(BUCKETS, max(1, needed))))
    parts = list(each(partial(_added_up, entries, keep), buckets))
    found = {}
    for field, most in keep.items():
        tops, totals, new = zip(*(part[field] for part in parts), strict=True)
        word, count, place = pa.concat_batches(tops).columns
        top = _most_frequent(word, to_numpy(count), to_numpy(place), most)
        words_of_top = dict(zip(top["word"].to_pylist(), top["count"].to_pylist(), strict=True))
        growth = np.cumsum(np.sum(new, axis=0))
        found[field] = WordCounts(words_of_top, int(growth[-1]), sum(totals), growth)
    return found


def _added_up(entries: Sequence[Path], keep: dict[Field, int], buckets: Sequence[int]) -> _Part:
    """Return the most frequent words of some buckets, the sum of all, and new ones by shard."""
    words = _read(entries, buckets)
    coded = words["word"].dictionary_encode()
    found: _Part = {}
    for field, most in keep.items():
        count = to_numpy(words[f"{field}_count"])
        held = np.flatnonzero(count)
        within = to_numpy(words["number" if field == "body" else "title_first"])[held]
        place = (to_numpy(words["shard"])[held] << _SHARD_BITS) + within
        code = to_numpy(coded.indices)[held]
        first = np.zeros(len(coded.dictionary), np.int64)
        first[code[::-1]] = place[::-1]  # the last assignment holds, and shards are in order
        # Sums of integers, which are exact below 2**53.
        counts = np.bincount(code, count[held], minlength=len(first)).astype(np.int64)
        new = np.bincount(first[counts > 0] >> _SHARD_BITS, minlength=len(entries))
        top = _most_frequent(coded.dictionary, counts, first, most)
        found[field] = top, int(counts.sum()), new
    return found


def _read(entries: Sequence[Path], buckets: Sequence[int]) -> pa.RecordBatch:
    """Return the words of some buckets of all shards, with the number of their shard."""
    lengths, copies = [], []
    for some in batched(entries, _MAPPED):
        batches = [read_words(entry, buckets) for entry in some]
        lengths += [len(batch) for batch in batches]
        copies.append(pa.concat_batches(batches))
    shards = np.repeat(np.arange(len(lengths)), lengths)
    return pa.concat_batches(copies).append_column("shard", to_arrow(shards))


def _most_frequent(words: pa.Array, counts: Counts, first: Counts, most: int) -> pa.RecordBatch:
    """Return the words with the highest counts, if not 0, by first occurrence."""
    least = np.partition(counts, -most)[-most] if len(counts) > most else 0
    rivals = np.flatnonzero(counts >= max(1, least))
    kept = rivals[np.lexsort((first[rivals], -counts[rivals]))[:most]]
    kept = kept[np.argsort(first[kept])]
    columns = [words.take(to_arrow(kept)), to_arrow(counts[kept]), to_arrow(first[kept])]
    return pa.record_batch(columns, ["word", "count", "first"])
