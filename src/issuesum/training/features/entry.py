"""What is kept of one tokenised shard: three files in a folder, written once, read in parts.

`words.arrow` holds the shard's distinct words in BUCKETS record batches by a hash of the word, so
that counts of many shards can be merged a few buckets at a time in bounded memory. `rows.arrow`
holds the rows as numbers of those words, `statistics.json` what the data report adds up. Arrow
with Zstandard writes them in a tenth of the time of a compressed npz.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from issuesum.errors import ArtifactError, one_line
from issuesum.text.vocabulary import Ids

BUCKETS = 64
LONGEST = 1024
"""Texts of this many words or more share the last cell of a count of lengths."""

Counts = npt.NDArray[np.int64]

_WORDS, _ROWS, _STATISTICS = "words.arrow", "rows.arrow", "statistics.json"
_COMPRESSED = pa.ipc.IpcWriteOptions(compression="zstd")
_SCHEMA = pa.schema(
    {
        "word": pa.string(),
        "number": pa.int32(),
        "body_count": pa.int64(),
        "title_count": pa.int64(),
        "title_first": pa.int64(),
    }
)


@dataclass(frozen=True)
class ShardWords:
    """The distinct words of a shard; bodies are numbered first, each by first occurrence."""

    words: list[str]  # by number
    body_counts: Counts  # int64 (words,), occurrences in bodies
    title_counts: Counts  # int64 (words,), occurrences in titles, start and end marks included
    # int64 (words,), place of the first occurrence among all words of all titles; undefined where
    # `title_counts` is 0
    title_first: Counts


@dataclass(frozen=True)
class ShardRows:
    """The rows of a shard as numbers of its words, cut and padded with ABSENT."""

    row: Counts  # int64 (rows,), number of the row in the raw file
    body: Ids  # int32 (rows, body maxlen)
    title: Ids  # int32 (rows, title maxlen), start and end marks included


@dataclass(frozen=True)
class ShardStatistics:
    """Sums over a shard."""

    rows: int  # issues
    words: int  # distinct words of bodies and titles
    body_words: int  # words of whole bodies
    title_words: int  # words of whole titles, without marks
    body_lengths: list[int]  # LONGEST + 1 counts, of whole bodies that have that many words
    title_lengths: list[int]  # the same of titles, without marks
    copyable: int  # those of `title_words` that the row's own body holds
    languages: Mapping[str, int]  # issues by language, of a sample of the shard


def bucket_of(word: str) -> int:
    """Return the bucket of a word: the same in every process and on every machine."""
    return crc32(word.encode("utf-8", "surrogatepass")) % BUCKETS


def pack(words: ShardWords, rows: ShardRows, statistics: ShardStatistics) -> dict[str, bytes]:
    """Return the files of an entry by name; equal arguments give equal bytes."""
    return {
        _WORDS: _pack_words(words),
        _ROWS: _pack_rows(rows),
        _STATISTICS: json.dumps(vars(statistics), ensure_ascii=False).encode(),
    }


def read_words(folder: Path, buckets: Iterable[int] = range(BUCKETS)) -> pa.Table:
    """Return the words of some buckets; columns as in `ShardWords`, and `number`."""
    with _broken_is_an_error(folder), pa.OSFile(str(folder / _WORDS)) as file:
        reader = pa.ipc.open_file(file)
        return pa.Table.from_batches([reader.get_batch(bucket) for bucket in buckets], _SCHEMA)


def read_rows(folder: Path) -> ShardRows:
    """Return the rows of an entry."""
    with _broken_is_an_error(folder), pa.OSFile(str(folder / _ROWS)) as file:
        batch = pa.ipc.open_file(file).get_batch(0)
        return ShardRows(
            row=batch["row"].to_numpy(), body=_matrix(batch["body"]), title=_matrix(batch["title"])
        )


def read_statistics(folder: Path) -> ShardStatistics:
    """Return the sums of an entry."""
    with _broken_is_an_error(folder):
        return ShardStatistics(**json.loads((folder / _STATISTICS).read_bytes()))


def _pack_words(words: ShardWords) -> bytes:
    table = pa.table(
        {
            "word": words.words,
            "number": np.arange(len(words.words), dtype=np.int32),
            "body_count": words.body_counts,
            "title_count": words.title_counts,
            "title_first": words.title_first,
        },
        schema=_SCHEMA,
    )
    buckets = np.fromiter(map(bucket_of, words.words), np.int64, len(words.words))
    # By bucket, and within one by number.
    table = table.take(pa.array(np.argsort(buckets, kind="stable"))).combine_chunks()
    ends = np.cumsum(np.bincount(buckets, minlength=BUCKETS)).tolist()
    bounds = pairwise([0, *ends])
    parts = (table.slice(start, end - start).to_batches() for start, end in bounds)
    none = pa.RecordBatch.from_pylist([], _SCHEMA)
    return _pack([part[0] if part else none for part in parts], _SCHEMA)


def _pack_rows(rows: ShardRows) -> bytes:
    batch = pa.record_batch(
        {
            "row": rows.row,
            "body": pa.FixedSizeListArray.from_arrays(rows.body.ravel(), rows.body.shape[1]),
            "title": pa.FixedSizeListArray.from_arrays(rows.title.ravel(), rows.title.shape[1]),
        }
    )
    return _pack([batch], batch.schema)


def _pack(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> bytes:
    packed = pa.BufferOutputStream()
    with pa.ipc.new_file(packed, schema, options=_COMPRESSED) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return bytes(packed.getvalue())


def _matrix(column: pa.FixedSizeListArray) -> Ids:
    ids: Ids = column.flatten().to_numpy().reshape(-1, column.type.list_size)
    return ids


@contextmanager
def _broken_is_an_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{folder} must hold a tokenised shard. Received: {one_line(error)}. "
            f"Try: rm -r {folder}, then dvc repro preprocess."
        ) from error
