"""What a worker does with one shard: its words, numbered within the shard, and what is counted.

A function of the shard's bytes and the fields' lengths alone, so its result, an entry, can be kept
under their hash and be made anywhere. The vocabulary (`counting`) and ids (`encoding`) come later.

An entry is a folder. `words.arrow` holds the distinct words by BUCKETS of a hash of the word, so
that counts of many shards can be merged a few buckets at a time in bounded memory; `rows.npy` the
rows as numbers of those words; `statistics.json` what the data report adds up. Nothing is
compressed, because that takes longer than to write and read it.
"""

import hashlib
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import issuesum
from issuesum.errors import ClusterError, reading_artifact
from issuesum.text.prose import prose
from issuesum.text.tokens import END, START, URL, clean
from issuesum.text.vocabulary import Ids
from issuesum.training.features.ktext_adapter import Fields, FieldSettings
from issuesum.training.features.languages import language_counts

BUCKETS = 64
LONGEST = 1024  # texts of as many words or more share the last cell of a count of lengths
Counts = npt.NDArray[np.int64]

_WORDS, _ROWS, _STATISTICS = "words.arrow", "rows.npy", "statistics.json"
_ENDS = b"ends"  # of the buckets, int64, in the file's metadata
_SIEVE = 2**18
ABSENT = -1
"""Stands for padding in a matrix of word numbers."""
WORD_COLUMNS = pa.schema(
    {
        "word": pa.string(),
        "number": pa.int32(),  # bodies' words are numbered first, each by first occurrence
        "body_count": pa.int32(),  # occurrences in bodies
        "title_count": pa.int32(),  # occurrences in titles, start and end marks included
        "title_first": pa.int32(),  # place of the first among all titles' words, if it is in one
    }
)
"""The distinct words of a shard."""

LANGUAGE_STEP = 20
"""Of every so many issues one language is looked up: all would take as long as the rest."""

_COLUMNS = pa.schema(
    pa.field(name, pa.int64() if name == "row" else pa.string(), nullable=False)
    for name in ("row", "issue_title", "body")
)
_END = 255  # of a text: UTF-8 has no such byte
_LETTER, _JOINER, _SPACE, _ODD = 1, 2, 4, 8


def _kind(byte: int) -> int:
    sign = chr(byte)
    if not sign.isascii():  # a letter, once the text has been cleaned
        return 0 if byte == _END else _LETTER | _ODD
    if sign.isalnum() or sign == "_":
        return _LETTER
    return {"@": _ODD, ".": _JOINER, "'": _JOINER, "-": _JOINER}.get(sign, _SPACE * sign.isspace())


# For `bytes.translate`, which takes a fifth of the time of numpy's look-up in a table.
_KINDS = bytes(map(_kind, range(256)))
_SMALL = bytes(range(256)).lower()
_URL = re.compile(rb"https?://[!-~]++")
# Everything whose change could change an entry.
_CODE = (
    "text/prose.py",
    "text/tokens.py",
    "text/vocabulary.py",
    "training/features/ktext_adapter.py",
    "training/features/languages.py",
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
    digest = hashlib.sha256(f"{code_digest()} {kept}\0".encode())  # in hardware, on most machines
    digest.update(shard)
    return digest.hexdigest()[:32]


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
        file = pq.ParquetFile(pa.BufferReader(shard))  # `read_table` takes seven times as long
        table = file.read(columns=_COLUMNS.names, use_threads=False).cast(_COLUMNS)
        bodies: list[str] = table["body"].to_pylist()
        titles: list[str] = table["issue_title"].to_pylist()
    marked = (f"{START} {title} {END}" for title in titles)
    found, lengths = find_words(chain(map(prose, bodies), marked))
    body_lengths, title_lengths = np.split(lengths, [len(bodies)])
    known = found.dictionary_encode()  # by first occurrence, bodies' words first
    distinct = len(known.dictionary)
    body, title = np.split(to_numpy(known.indices), [body_lengths.sum()])
    first = np.full(distinct, ABSENT)
    first[title[::-1]] = np.arange(len(title))[::-1]  # the last assignment holds
    columns = (
        np.arange(distinct),
        np.bincount(body, minlength=distinct),
        np.bincount(title, minlength=distinct),
        first,
    )
    words = [known.dictionary.cast(pa.string()), *(to_arrow(of.astype(np.int32)) for of in columns)]
    in_body, in_title = (
        np.repeat(np.arange(len(lengths)) * distinct, lengths) + numbers
        for lengths, numbers in ((body_lengths, body), (title_lengths, title))
    )
    ends = np.cumsum(title_lengths)
    unmarked = np.delete(in_title, [ends - title_lengths, ends - 1])
    # Of the words of bodies a few per cent pass this sieve, and a set of all takes long to make.
    sieve = np.zeros(_SIEVE, bool)
    sieve[unmarked % _SIEVE] = True
    copyable = pc.is_in(to_arrow(unmarked), to_arrow(in_body[sieve[in_body % _SIEVE]]))
    statistics = ShardStatistics(
        rows=len(bodies),
        body_words=len(body),
        title_words=len(unmarked),
        body_lengths=_count_lengths(body_lengths),
        title_lengths=_count_lengths(title_lengths - 2),
        copyable=copyable.true_count,
        languages=dict(language_counts(bodies[::LANGUAGE_STEP])),
    )
    rows = ShardRows(
        to_numpy(table["row"].combine_chunks()),
        _padded(body, body_lengths, fields["body"]),
        _padded(title, title_lengths, fields["title"]),
    )
    rows_file = io.BytesIO()
    for array in vars(rows).values():
        np.save(rows_file, array)
    return {
        _WORDS: _packed(pa.record_batch(words, WORD_COLUMNS)),
        _ROWS: rows_file.getvalue(),
        _STATISTICS: json.dumps(vars(statistics)).encode(),
    }


def find_words(texts: Iterable[str]) -> tuple[pa.LargeStringArray, Counts]:
    """Return the words of all texts, one text after the other, and how many each text has.

    They are those of `tokens.words`, which finds them in the few parts of texts that may hold an
    address or a letter beyond ASCII. All else is cut at once, byte by byte.
    """
    coded = b" \xff ".join([b"", *map(str.encode, texts), b""])
    raw, kinds = _bytes_and_kinds(_cleaned_where_odd(coded))
    letters = (kinds & _LETTER).astype(bool)
    kept = letters.copy()
    kept[1:-1] |= (kinds[1:-1] == _JOINER) & letters[:-2] & letters[2:]
    edges = np.flatnonzero(kept[1:] != kept[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    offsets = np.append(0, np.cumsum(ends - starts))
    characters = (raw * kept).tobytes().translate(_SMALL, b"\0")
    words = pa.LargeStringArray.from_buffers(
        len(starts), pa.py_buffer(offsets), pa.py_buffer(characters)
    )
    return words, np.diff(np.searchsorted(starts, np.flatnonzero(raw == _END)))


def _bytes_and_kinds(text: bytes) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    return np.frombuffer(text, np.uint8), np.frombuffer(text.translate(_KINDS), np.uint8)


def _cleaned_where_odd(text: bytes) -> bytes:
    """Clean the runs of parts between spaces, across which no word goes, that may be odd."""
    raw, kinds = _bytes_and_kinds(text)
    odd = (kinds & _ODD).astype(bool)
    odd[1:] |= (raw[1:] == ord("/")) & (raw[:-1] == ord(":"))
    odd[1:] |= (raw[1:] == ord(".")) & ((raw[:-1] | 0x20) == ord("w"))  # in either case
    spaces = np.flatnonzero(kinds == _SPACE)
    parts = np.unique(np.searchsorted(spaces, np.flatnonzero(odd)))
    begins = spaces[parts[np.diff(parts, prepend=-1) > 1] - 1].tolist()
    ends = spaces[parts[np.diff(parts, append=len(text) + 1) > 1]].tolist()
    pieces, done = [], 0
    for start, end in zip(begins, ends, strict=True):
        run = text[start + 1 : end]
        is_url = _URL.fullmatch(run)  # as nearly half of them are; cleaning takes ten times as long
        pieces += [text[done : start + 1], URL.encode() if is_url else clean(run.decode()).encode()]
        done = end
    return b"".join([*pieces, text[done:]])


def _padded(numbers: Ids, lengths: Counts, field: FieldSettings) -> Ids:
    """Return rows (rows, maxlen) of what stands in `numbers` one row after the other; see `pad`."""
    maxlen = field.padding_maxlen
    filled = np.arange(maxlen) < np.minimum(lengths, maxlen)[:, None]
    if field.padding == "pre":
        filled = filled[:, ::-1]
    padded = np.full(filled.shape, ABSENT, np.int32)
    padded[filled] = numbers[places(lengths) < maxlen]
    return padded


def places(lengths: Counts) -> Counts:
    """Return 0 to n - 1 for every length n, one after the other."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _count_lengths(lengths: Counts) -> list[int]:
    counts = np.bincount(np.minimum(lengths, LONGEST), minlength=LONGEST + 1)
    return list(counts.tolist())


def read_words(folder: Path, buckets: Sequence[int] = range(BUCKETS)) -> pa.RecordBatch:
    """Return the words of neighbouring buckets, with the schema WORD_COLUMNS."""
    with _reading(folder), pa.memory_map(str(folder / _WORDS)) as file:
        words = pa.ipc.open_file(file).get_batch(0)
        ends = np.frombuffer(words.schema.metadata[_ENDS], np.int64)
        start, end = ends[buckets[0]], ends[buckets[-1] + 1]
        return words.slice(start, end - start).replace_schema_metadata()


def read_rows(folder: Path) -> ShardRows:
    """Return the rows of an entry."""
    with _reading(folder), (folder / _ROWS).open("rb") as file:
        row, body, title = (np.load(file, allow_pickle=False) for _ in range(3))
        return ShardRows(row, body, title)


def read_statistics(folder: Path) -> ShardStatistics:
    """Return the sums of an entry."""
    with _reading(folder):
        return ShardStatistics(**json.loads((folder / _STATISTICS).read_bytes()))


def _reading(folder: Path) -> AbstractContextManager[None]:
    advice = f"rm -r {folder}, then dvc repro preprocess"
    return reading_artifact(f"{folder} must hold a tokenised shard", advice)


def to_arrow(values: npt.NDArray[Any]) -> pa.Array:
    """Return numbers in the same memory, as `pa.array` would, without importing pandas (0.4 s)."""
    content = [None, pa.py_buffer(values)]
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), content)


to_numpy = np.from_dlpack
"""The opposite: `pa.Array.to_numpy` imports pandas as well."""


def _packed(words: pa.RecordBatch) -> bytes:
    """Order words by bucket, and within one by number; return them as a file."""
    # A sum of its bytes puts a word into the same bucket in every process.
    _, offsets, characters = words["word"].buffers()
    sums = np.append(np.uint8(0), np.cumsum(np.frombuffer(characters, np.uint8), dtype=np.uint8))
    buckets = np.diff(sums[np.frombuffer(offsets, np.int32)]) % BUCKETS
    ends = np.append(0, np.cumsum(np.bincount(buckets, minlength=BUCKETS)))
    words = words.take(to_arrow(np.argsort(buckets, kind="stable")))
    words = words.replace_schema_metadata({_ENDS: ends.tobytes()})
    file = pa.BufferOutputStream()
    with pa.ipc.new_file(file, words.schema) as writer:
        writer.write_batch(words)
    return bytes(file.getvalue())
