"""What a worker does with one shard: its words, numbered within the shard, and what is counted.

A function of the shard's bytes and the fields' lengths alone, so its result, an entry, can be kept
under their hash and be made by any process on any machine. Nothing here depends on other shards:
the vocabulary comes afterwards (`counting`), and ids are a look-up in it (`encoding`).

An entry is a folder of three files, written once, read in parts. `words.arrow` holds the distinct
words in BUCKETS record batches by a hash of the word, so that counts of many shards can be merged
a few buckets at a time in bounded memory. `rows.arrow` holds the rows as numbers of those words,
`statistics.json` what the data report adds up. Arrow with LZ4 writes them in a
thirtieth of the time of a compressed npz; with Zstandard they would be a third smaller.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from itertools import chain, pairwise
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

import issuesum
from issuesum.errors import ClusterError, reading_artifact
from issuesum.text.copying import ABSENT
from issuesum.text.prose import prose
from issuesum.text.vocabulary import Ids
from issuesum.training.features.ktext_adapter import Fields, FieldSettings, make_processor

BUCKETS = 64
LONGEST = 1024  # texts of as many words or more share the last cell of a count of lengths
Counts = npt.NDArray[np.int64]

_WORDS, _ROWS, _STATISTICS = "words.arrow", "rows.arrow", "statistics.json"
_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")
WORD_COLUMNS = pa.schema(
    {
        "word": pa.string(),
        "number": pa.int32(),  # bodies' words are numbered first, each by first occurrence
        "body_count": pa.int64(),  # occurrences in bodies
        "title_count": pa.int64(),  # occurrences in titles, start and end marks included
        "title_first": pa.int64(),  # place of the first among all titles' words, if it is in one
    }
)
"""The distinct words of a shard."""

LANGUAGE_STEP = 20
"""Of every so many issues one language is looked up: all would take twice as long as the rest."""
UNKNOWN_LANGUAGE = "unknown"
_HEAD = 500  # characters looked at: time grows with them
_LETTERS = 3  # at least; arrows alone would be Khmer, and prices Korean
_PROBABILITY = 0.9  # at least; stack traces and mixtures of languages stay below it

_COLUMNS = pa.schema(
    pa.field(name, pa.int64() if name == "row" else pa.string(), nullable=False)
    for name in ("row", "issue_title", "body")
)
# Everything whose change could change an entry.
_CODE = (
    "text/copying.py",
    "text/prose.py",
    "text/tokens.py",
    "text/vocabulary.py",
    "training/features/ktext_adapter.py",
    "training/features/tokenise.py",
)
_PACKAGES = ("ktext", "numpy", "py3langid", "pyarrow")


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
    body_words: int  # words of whole bodies, template text left out
    title_words: int  # words of whole titles, without marks
    body_lengths: list[int]  # LONGEST + 1 counts, of whole bodies that have that many words
    title_lengths: list[int]  # the same of titles, without marks
    copyable: int  # those of `title_words` that the row's own body holds
    languages: Mapping[str, int]  # issues by language, of a sample of the shard


@cache
def code_digest() -> str:
    """Return a hash of all code that an entry depends on, Unicode's tables included."""
    digest = hashlib.blake2b(unicodedata.unidata_version.encode(), digest_size=16)
    for name in _CODE:
        digest.update((Path(issuesum.__file__).parent / name).read_bytes())
    for package in _PACKAGES:
        digest.update(f"{package}=={version(package)}".encode())
    return digest.hexdigest()


def entry_key(shard: bytes, fields: Fields) -> str:
    """Return the name under which the entry of this shard is kept."""
    kept = " ".join(f"{name}={of.padding_maxlen}" for name, of in fields.items())
    about = f"{code_digest()} {kept}\0".encode()
    return hashlib.blake2b(about + shard, digest_size=16).hexdigest()


def tokenise_shard(name: str, shard: bytes, fields: Fields, code: str) -> dict[str, bytes]:
    """Return the files of the entry of one shard; runs on a worker.

    Args:
        name: what messages call the shard.
        shard: a Parquet file with the columns row, issue_title and body.
        fields: how texts become rows; `keep_n` does not matter here.
        code: the stage's `code_digest`.

    Raises:
        ArtifactError: the shard is not what the split stage writes.
        ClusterError: this worker has other code than the stage, and would give other words.
    """
    if code != code_digest():
        raise ClusterError(
            "Every worker must have the same issuesum and packages as the stage. Received: a "
            "worker with others. Try: install this commit's environment there, restart it."
        )
    with reading_artifact(f"{name} must be a Parquet shard of issues", "dvc repro -f split"):
        table = pq.read_table(pa.BufferReader(shard), columns=_COLUMNS.names, use_threads=False)
        table = table.cast(_COLUMNS)
        bodies: list[str] = table["body"].to_pylist()
        titles: list[str] = table["issue_title"].to_pylist()
    body_words = make_processor(fields["body"]).process_text(list(map(prose, bodies)))
    title_words = make_processor(fields["title"]).process_text(titles)
    # By first occurrence, bodies' words first.
    known = pa.array(list(chain.from_iterable(chain(body_words, title_words))), pa.string())
    known = known.dictionary_encode()
    distinct, numbers = known.dictionary, known.indices.to_numpy()
    body_lengths, title_lengths = (
        np.fromiter(map(len, rows), np.int64, len(rows)) for rows in (body_words, title_words)
    )
    body_flat, title_flat = np.split(numbers, [body_lengths.sum()])
    first = np.full(len(distinct), -1, np.int64)
    first[title_flat[::-1]] = np.arange(len(title_flat))[::-1]  # the last assignment holds
    words = {
        "word": distinct,
        "number": np.arange(len(distinct)),
        "body_count": np.bincount(body_flat, minlength=len(distinct)),
        "title_count": np.bincount(title_flat, minlength=len(distinct)),
        "title_first": first,
    }
    statistics = ShardStatistics(
        rows=len(bodies),
        words=len(distinct),
        body_words=len(body_flat),
        title_words=len(title_flat) - 2 * len(titles),
        body_lengths=_count_lengths(body_lengths),
        title_lengths=_count_lengths(title_lengths - 2),
        copyable=sum(map(_copyable, body_words, title_words)),
        languages=dict(language_counts(bodies[::LANGUAGE_STEP])),
    )
    rows = ShardRows(
        table["row"].to_numpy(),
        _padded(body_flat, body_lengths, fields["body"]),
        _padded(title_flat, title_lengths, fields["title"]),
    )
    return pack(pa.table(words, WORD_COLUMNS), rows, statistics)


def _padded(numbers: Ids, lengths: Counts, field: FieldSettings) -> Ids:
    """Return rows (rows, maxlen) of what stands in `numbers` one row after the other; see `pad`."""
    maxlen = field.padding_maxlen
    places = np.arange(len(numbers)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    filled = np.arange(maxlen) < np.minimum(lengths, maxlen)[:, None]
    if field.padding == "pre":
        filled = filled[:, ::-1]
    padded = np.full(filled.shape, ABSENT, np.int32)
    padded[filled] = numbers[places < maxlen]
    return padded


def _count_lengths(lengths: Counts) -> list[int]:
    counts = np.bincount(np.minimum(lengths, LONGEST), minlength=LONGEST + 1)
    return list(counts.tolist())


def _copyable(body: Sequence[str], title: Sequence[str]) -> int:
    held = set(body)
    return sum(word in held for word in title[1:-1])


def language_counts(texts: Iterable[str]) -> Counter[str]:
    """Return how many texts are in each language, by ISO 639-1 code or `UNKNOWN_LANGUAGE`.

    The model in py3langid knows 97 languages by their byte n-grams: Lui & Baldwin 2011,
    "Cross-domain Feature Selection for Language Identification". It does about 4,000 texts/s.
    """
    return Counter(map(_language, texts))


def _language(text: str) -> str:
    head = text[:_HEAD]
    if sum(map(str.isalpha, head)) < _LETTERS:
        return UNKNOWN_LANGUAGE
    known = _identifier()
    counts = known.instance2fv(head)
    found = np.flatnonzero(counts)  # of thousands some hundred: its `classify` takes all
    sums = counts[found].astype(known.nb_ptc.dtype) @ known.nb_ptc[found] + known.nb_pc
    probabilities = known.norm_probs(sums)
    best = np.argmax(probabilities)
    return str(known.nb_classes[best]) if probabilities[best] >= _PROBABILITY else UNKNOWN_LANGUAGE


@cache
def _identifier() -> Any:  # noqa: ANN401 -- py3langid has no types
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    # norm_probs: probabilities instead of sums of logarithms.
    return LanguageIdentifier.from_pickled_model(MODEL_FILE, norm_probs=True)


def buckets_of(words: pa.ChunkedArray) -> Counts:
    """Return the bucket of each word: the same in every process and on every machine."""
    coded = words.cast(pa.binary()).to_pylist()
    return np.fromiter(map(crc32, coded), np.int64, len(words)) % BUCKETS


def pack(words: pa.Table, rows: ShardRows, statistics: ShardStatistics) -> dict[str, bytes]:
    """Return the files of an entry by name; equal arguments give equal bytes.

    `words` has the schema WORD_COLUMNS and is sorted by number.
    """
    batch = {"row": rows.row, "body": _lists(rows.body), "title": _lists(rows.title)}
    return {
        _WORDS: _pack(_by_bucket(words)),
        _ROWS: _pack([pa.record_batch(batch)]),
        _STATISTICS: json.dumps(vars(statistics), ensure_ascii=False).encode(),
    }


def read_words(folder: Path, buckets: Iterable[int] = range(BUCKETS)) -> pa.Table:
    """Return the words of some buckets, with the schema WORD_COLUMNS."""
    with _reading(folder), pa.OSFile(str(folder / _WORDS)) as file:
        reader = pa.ipc.open_file(file)
        return pa.Table.from_batches([reader.get_batch(bucket) for bucket in buckets], WORD_COLUMNS)


def read_rows(folder: Path) -> ShardRows:
    """Return the rows of an entry."""
    with _reading(folder), pa.OSFile(str(folder / _ROWS)) as file:
        batch = pa.ipc.open_file(file).get_batch(0)
        return ShardRows(
            row=batch["row"].to_numpy(), body=_matrix(batch["body"]), title=_matrix(batch["title"])
        )


def read_statistics(folder: Path) -> ShardStatistics:
    """Return the sums of an entry."""
    with _reading(folder):
        return ShardStatistics(**json.loads((folder / _STATISTICS).read_bytes()))


def _by_bucket(words: pa.Table) -> list[pa.RecordBatch]:
    buckets = buckets_of(words["word"])
    # Within a bucket by number.
    words = words.take(pa.array(np.argsort(buckets, kind="stable"))).combine_chunks()
    ends = np.cumsum(np.bincount(buckets, minlength=BUCKETS)).tolist()
    parts = (words.slice(start, end - start).to_batches() for start, end in pairwise([0, *ends]))
    return [part[0] if part else pa.RecordBatch.from_pylist([], WORD_COLUMNS) for part in parts]


def _lists(matrix: Ids) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(matrix.ravel(), matrix.shape[1])


def _pack(batches: Sequence[pa.RecordBatch]) -> bytes:
    packed = pa.BufferOutputStream()
    with pa.ipc.new_file(packed, batches[0].schema, options=_COMPRESSED) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return bytes(packed.getvalue())


def _matrix(column: pa.FixedSizeListArray) -> Ids:
    ids: Ids = column.flatten().to_numpy().reshape(-1, column.type.list_size)
    return ids


def _reading(folder: Path) -> AbstractContextManager[None]:
    advice = f"rm -r {folder}, then dvc repro preprocess"
    return reading_artifact(f"{folder} must hold a tokenised shard", advice)
