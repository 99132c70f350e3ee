"""What a worker does with one shard: its words, numbered within the shard, and what is counted.

A function of the shard's bytes and the fields' lengths alone, so its result, an entry, can be kept
under their hash and be made by any process on any machine. The vocabulary comes afterwards
(`counting`), and ids are a look-up in it (`encoding`).

An entry is a folder of three files, written once, read in parts. `words.arrow` holds the distinct
words in BUCKETS record batches by a hash of the word, so that counts of many shards can be merged
a few buckets at a time in bounded memory. `rows.arrow` holds the rows as numbers of those words,
`statistics.json` what the data report adds up. LZ4, because Zstandard's files are a third smaller
and take longer to write than all words to find.
"""

import hashlib
import json
import string
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import issuesum
from issuesum.errors import ClusterError, reading_artifact
from issuesum.text.prose import prose
from issuesum.text.tokens import END, START, clean
from issuesum.text.vocabulary import Ids
from issuesum.training.features.ktext_adapter import Fields, FieldSettings
from issuesum.training.features.languages import language_counts

BUCKETS = 64
LONGEST = 1024  # texts of as many words or more share the last cell of a count of lengths
Counts = npt.NDArray[np.int64]

_WORDS, _ROWS, _STATISTICS = "words.arrow", "rows.arrow", "statistics.json"
# A bucket is small: to share its columns out to threads takes longer than to write it.
_WRITING = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_READING = pa.ipc.IpcReadOptions(use_threads=False)
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


def _kinds() -> bytes:
    kinds = bytearray(256)
    for some, kind in (
        (f"{string.ascii_letters}{string.digits}_".encode(), _LETTER),
        (range(0x80, _END), _LETTER | _ODD),  # letters, once the text has been cleaned
        (b"@", _ODD),
        (b".'-", _JOINER),
        (b" \t\r\n", _SPACE),
    ):
        for byte in some:
            kinds[byte] = kind
    return bytes(kinds)


# For `bytes.translate`, which takes a fifth of the time of numpy's look-up in a table.
_KINDS = _kinds()
_SMALL = bytes(range(256)).lower()
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
    in_bodies, body_lengths = find_words(map(prose, bodies))
    in_titles, title_lengths = find_words(f"{START} {title} {END}" for title in titles)
    # By first occurrence, bodies' words first.
    known = pa.concat_arrays([in_bodies, in_titles]).dictionary_encode()
    distinct = len(known.dictionary)
    body, title = np.split(known.indices.to_numpy(), [len(in_bodies)])
    first = np.full(distinct, -1)
    first[title[::-1]] = np.arange(len(title))[::-1]  # the last assignment holds
    words = {
        "word": known.dictionary.cast(pa.string()),
        "number": np.arange(distinct),
        "body_count": np.bincount(body, minlength=distinct),
        "title_count": np.bincount(title, minlength=distinct),
        "title_first": first,
    }
    in_body, in_title = (
        np.repeat(np.arange(len(lengths)) * distinct, lengths) + numbers
        for lengths, numbers in ((body_lengths, body), (title_lengths, title))
    )
    ends = np.cumsum(title_lengths)
    unmarked = np.delete(in_title, [ends - title_lengths, ends - 1])
    # Of the words of bodies a few per cent pass this sieve, and a set of all takes long to make.
    sieve = np.zeros(_SIEVE, bool)
    sieve[unmarked % _SIEVE] = True
    copyable = pc.is_in(pa.array(unmarked), pa.array(in_body[sieve[in_body % _SIEVE]]))
    statistics = ShardStatistics(
        rows=len(bodies),
        words=distinct,
        body_words=len(body),
        title_words=len(unmarked),
        body_lengths=_count_lengths(body_lengths),
        title_lengths=_count_lengths(title_lengths - 2),
        copyable=copyable.true_count,
        languages=dict(language_counts(bodies[::LANGUAGE_STEP])),
    )
    rows = ShardRows(
        table["row"].to_numpy(),
        _padded(body, body_lengths, fields["body"]),
        _padded(title, title_lengths, fields["title"]),
    )
    return pack(pa.record_batch(words, WORD_COLUMNS), rows, statistics)


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
        pieces += [text[done : start + 1], clean(text[start + 1 : end].decode()).encode()]
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


def pack(words: pa.RecordBatch, rows: ShardRows, statistics: ShardStatistics) -> dict[str, bytes]:
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
        reader = pa.ipc.open_file(file, options=_READING)
        return pa.Table.from_batches([reader.get_batch(bucket) for bucket in buckets], WORD_COLUMNS)


def read_rows(folder: Path) -> ShardRows:
    """Return the rows of an entry."""
    with _reading(folder), pa.OSFile(str(folder / _ROWS)) as file:
        batch = pa.ipc.open_file(file, options=_READING).get_batch(0)
        return ShardRows(
            row=batch["row"].to_numpy(), body=_matrix(batch["body"]), title=_matrix(batch["title"])
        )


def read_statistics(folder: Path) -> ShardStatistics:
    """Return the sums of an entry."""
    with _reading(folder):
        return ShardStatistics(**json.loads((folder / _STATISTICS).read_bytes()))


def _by_bucket(words: pa.RecordBatch) -> list[pa.RecordBatch]:
    # A sum of its bytes puts a word into the same bucket in every process.
    _, offsets, characters = words["word"].buffers()
    sums = np.append(0, np.cumsum(np.frombuffer(characters, np.uint8), dtype=np.int64))
    buckets = (np.diff(sums[np.frombuffer(offsets, np.int32)]) % BUCKETS).astype(np.uint8)
    words = words.take(pa.array(np.argsort(buckets, kind="stable")))  # within a bucket by number
    ends = np.cumsum(np.bincount(buckets, minlength=BUCKETS)).tolist()
    return [words.slice(start, end - start) for start, end in pairwise([0, *ends])]


def _lists(matrix: Ids) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(matrix.ravel(), matrix.shape[1])


def _pack(batches: Sequence[pa.RecordBatch]) -> bytes:
    packed = pa.BufferOutputStream()
    with pa.ipc.new_file(packed, batches[0].schema, options=_WRITING) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return bytes(packed.getvalue())


def _matrix(column: pa.FixedSizeListArray) -> Ids:
    ids: Ids = column.flatten().to_numpy().reshape(-1, column.type.list_size)
    return ids


def _reading(folder: Path) -> AbstractContextManager[None]:
    advice = f"rm -r {folder}, then dvc repro preprocess"
    return reading_artifact(f"{folder} must hold a tokenised shard", advice)
