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

from issuesum.text.vocabulary import Ids
from issuesum.training.features.ktext_adapter import Field
from issuesum.training.features.tokenise import BUCKETS, Counts, read_words, to_arrow, to_numpy

ENTRIES_AT_ONCE = 1_000_000
"""Words of shards that are added up together, about 100 bytes each."""
_MAPPED = 16  # entries at a time whose files are in memory, more of each than is read
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
        keep: how many words are wanted of each field; of those that occur equally often the ones
            that occur first are preferred.
    """
    tops: dict[Field, list[pa.RecordBatch]] = {field: [] for field in keep}
    new = {field: np.zeros(len(entries), np.int64) for field in keep}
    totals = dict.fromkeys(keep, 0)
    for words in _in_parts(entries):
        coded = words["word"].dictionary_encode()
        for field, most in keep.items():
            counts, first = _added_up(words, to_numpy(coded.indices), len(coded.dictionary), field)
            totals[field] += int(counts.sum())
            shards = first[counts > 0] >> _SHARD_BITS
            new[field] += np.bincount(shards, minlength=len(entries))
            tops[field].append(_most_frequent(coded.dictionary, counts, first, most))
    found = {}
    for field, most in keep.items():
        word, count, place = pa.concat_batches(tops[field]).columns
        top = _most_frequent(word, to_numpy(count), to_numpy(place), most)
        words_of_top = dict(zip(top["word"].to_pylist(), top["count"].to_pylist(), strict=True))
        growth = np.cumsum(new[field])
        found[field] = WordCounts(words_of_top, int(growth[-1]), totals[field], growth)
    return found


def _in_parts(entries: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    """Yield the words of a few buckets of all shards at a time, with the number of their shard."""
    total = sum(len(read_words(entry)) for entry in entries)
    parts = min(BUCKETS, max(1, ceil(total / ENTRIES_AT_ONCE)))
    for buckets in batched(range(BUCKETS), ceil(BUCKETS / parts)):
        lengths, copies = [], []
        for some in batched(entries, _MAPPED):
            batches = [read_words(entry, buckets) for entry in some]
            lengths += [len(batch) for batch in batches]
            copies.append(pa.concat_batches(batches))
        shards = np.repeat(np.arange(len(lengths)), lengths)
        yield pa.concat_batches(copies).append_column("shard", to_arrow(shards))


def _added_up(
    words: pa.RecordBatch, code: Ids, distinct: int, field: Field
) -> tuple[Counts, Counts]:
    """Return count and first place, by its code, of each distinct word of a field; 0 if absent."""
    count = to_numpy(words[f"{field}_count"])
    held = np.flatnonzero(count)
    code, within = code[held], to_numpy(words["number" if field == "body" else "title_first"])[held]
    place = (to_numpy(words["shard"])[held] << _SHARD_BITS) + within
    first = np.zeros(distinct, np.int64)
    first[code[::-1]] = place[::-1]  # the last assignment holds, and shards are in order
    # Sums of integers, which are exact below 2**53.
    return np.bincount(code, count[held], minlength=distinct).astype(np.int64), first


def _most_frequent(words: pa.Array, counts: Counts, first: Counts, most: int) -> pa.RecordBatch:
    """Return the words with the highest counts, if not 0, by first occurrence."""
    least = np.partition(counts, -most)[-most] if len(counts) > most else 0
    rivals = np.flatnonzero(counts >= max(1, least))
    kept = rivals[np.lexsort((first[rivals], -counts[rivals]))[:most]]
    kept = kept[np.argsort(first[kept])]
    columns = [words.take(to_arrow(kept)), to_arrow(counts[kept]), to_arrow(first[kept])]
    return pa.record_batch(columns, ["word", "count", "first"])
