"""What a worker does with one shard: its words, numbered within the shard, and what is counted.

A function of the shard's bytes and the fields' lengths alone, so its result can be kept under their
hash and be made by any process on any machine. Nothing here depends on other shards: the vocabulary
comes afterwards (`counting`), and ids are a look-up in it (`encoding`).
"""

from __future__ import annotations

import hashlib
import io
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import issuesum
from issuesum.errors import ArtifactError, ClusterError, one_line
from issuesum.text.copying import ABSENT, WordTable
from issuesum.text.vocabulary import Ids, pad
from issuesum.training.features.entry import (
    LONGEST,
    Counts,
    ShardRows,
    ShardStatistics,
    ShardWords,
    pack,
)
from issuesum.training.features.ktext_adapter import Fields, FieldSettings, make_processor

LANGUAGE_STEP = 20
"""Of every so many issues one language is looked up: all would take twice as long as the rest."""
UNKNOWN_LANGUAGE = "unknown"
_HEAD = 500  # characters looked at: time grows with them, and a person has said something by then
_LETTERS = 3  # at least; arrows alone would be Khmer, and prices Korean
_PROBABILITY = 0.9  # at least; stack traces and mixtures of languages stay below it

_COLUMNS = pa.schema(
    pa.field(name, pa.int64() if name == "row" else pa.string(), nullable=False)
    for name in ("row", "issue_title", "body")
)
# Everything whose change could change an entry.
_CODE = (
    "text/copying.py",
    "text/tokens.py",
    "text/vocabulary.py",
    "training/features/entry.py",
    "training/features/ktext_adapter.py",
    "training/features/tokenise.py",
)
_PACKAGES = ("ktext", "numpy", "py3langid", "pyarrow")


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
        fields: how bodies and titles become rows; `keep_n` does not matter here.
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
    try:
        table = pq.read_table(io.BytesIO(shard), columns=_COLUMNS.names).cast(_COLUMNS)
        row = table["row"].to_numpy()
        bodies: list[str] = table["body"].to_pylist()
        titles: list[str] = table["issue_title"].to_pylist()
    except (ValueError, KeyError, OSError) as error:
        raise ArtifactError(
            f"{name} must be a Parquet shard of issues. Received: {one_line(error)}. "
            "Try: dvc repro -f split."
        ) from error
    known = WordTable()
    body_rows = _numbered(known, bodies, fields["body"])
    title_rows = _numbered(known, titles, fields["title"])
    body_flat, title_flat = _flat(body_rows), _flat(title_rows)
    return pack(
        ShardWords(
            words=list(known),
            body_counts=np.bincount(body_flat, minlength=len(known)),
            title_counts=np.bincount(title_flat, minlength=len(known)),
            title_first=_first_places(title_flat, len(known)),
        ),
        ShardRows(
            row=row,
            body=_padded(body_rows, fields["body"]),
            title=_padded(title_rows, fields["title"]),
        ),
        ShardStatistics(
            rows=len(bodies),
            words=len(known),
            body_words=len(body_flat),
            title_words=len(title_flat) - 2 * len(title_rows),
            body_lengths=_count_lengths(body_rows, marks=0),
            title_lengths=_count_lengths(title_rows, marks=2),
            copyable=sum(map(_copyable, body_rows, title_rows)),
            languages=dict(language_counts(bodies[::LANGUAGE_STEP])),
        ),
    )


def _numbered(known: WordTable, texts: list[str], field: FieldSettings) -> list[list[int]]:
    rows = make_processor(field).process_text(texts)
    return [known.numbers(row) for row in rows]


def _padded(rows: list[list[int]], field: FieldSettings) -> Ids:
    return pad(rows, field.padding_maxlen, padding=field.padding, value=ABSENT)


def _flat(rows: list[list[int]]) -> Ids:
    return np.fromiter(chain.from_iterable(rows), np.int32)


def _count_lengths(rows: list[list[int]], *, marks: int) -> list[int]:
    lengths = [min(len(row) - marks, LONGEST) for row in rows]
    return list(np.bincount(lengths, minlength=LONGEST + 1).tolist())


def _first_places(flat: Ids, words: int) -> Counts:
    """Return where each word first stands in `flat`."""
    first = np.full(words, -1, np.int64)
    first[flat[::-1]] = np.arange(len(flat))[::-1]  # of equal indices the last assignment holds
    return first


def _copyable(body: Sequence[int], title: Sequence[int]) -> int:
    held = set(body)
    return sum(word in held for word in title[1:-1])


def language_counts(texts: Iterable[str]) -> Counter[str]:
    """Return how many texts are in each language, by ISO 639-1 code or `UNKNOWN_LANGUAGE`.

    The model of py3langid, which its package holds, knows 97 languages by their byte n-grams: Lui &
    Baldwin 2011, "Cross-domain Feature Selection for Language Identification". It does about 4,000
    texts a second.
    """
    return Counter(map(_language, texts))


def _language(text: str) -> str:
    head = text[:_HEAD]
    if sum(map(str.isalpha, head)) < _LETTERS:  # too short
        return UNKNOWN_LANGUAGE
    code, probability = _identifier().classify(head)
    return str(code) if probability >= _PROBABILITY else UNKNOWN_LANGUAGE


@cache
def _identifier() -> Any:  # noqa: ANN401 -- py3langid has no types
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    # norm_probs: probabilities instead of sums of logarithms.
    return LanguageIdentifier.from_pickled_model(MODEL_FILE, norm_probs=True)
