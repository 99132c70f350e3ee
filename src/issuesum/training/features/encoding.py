"""From tokenised shards and the vocabularies to ids.

Words that the title vocabulary does not hold get ids as well, so that a model can copy them from
the body: a pointer network's output is a distribution over the title vocabulary and the words of
the body (See et al. 2017, "Get To The Point", section 2.2). The n-th distinct word of a row that
the title vocabulary does not hold gets the id `size + n`, which means something in that row alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from issuesum.console import bar
from issuesum.layout import Split
from issuesum.text.features import BODY_VOCABULARY, TITLE_VOCABULARY, Features, save_shard
from issuesum.text.vocabulary import PADDING, UNKNOWN, Ids, Vocabulary
from issuesum.training.features.incremental import Shard
from issuesum.training.features.ktext_adapter import Field
from issuesum.training.features.tokenise import (
    Counts,
    places,
    read_rows,
    read_words,
    to_arrow,
    to_numpy,
)

_WORST = 5  # rows that are named if too many words are unknown
_LAST = to_arrow(np.array([-1], np.int32))[0]  # place in any array


@dataclass(frozen=True)
class Encoded:
    """A shard's ids, and what the vocabularies miss of it."""

    features: Features
    row: Counts  # int64 (rows,), numbers of the rows in the raw file
    unknown: dict[Field, int]  # out-of-vocabulary words of whole texts


@dataclass(frozen=True)
class UnknownWords:
    """What the vocabularies do not hold of the validation split."""

    words: Mapping[Field, int]  # out-of-vocabulary words of whole texts
    worst_rows: list[tuple[int, float]]  # the raw file's rows with most, and their share of words


def write_features(
    splits: Mapping[Split, Sequence[Shard]], vocabularies: Mapping[Field, Vocabulary],
    target: Path, pool: Executor,
) -> UnknownWords:  # fmt: skip
    """Write vocabularies and ids to `target`, an existing, empty folder.

    A shard's ids get the name of its Parquet file. Threads of `pool` write a shard at a time.
    """
    vocabularies["body"].save(target / BODY_VOCABULARY)
    vocabularies["title"].save(target / TITLE_VOCABULARY)
    words: Counter[Field] = Counter()
    worst: list[tuple[int, int, int]] = []

    def write(split: Split, shard: Shard) -> tuple[Mapping[Field, int], Counts]:
        encoded = encode_entry(shard.entry, vocabularies)
        save_shard(target / split / f"{shard.path.stem}.npz", encoded.features)
        body = encoded.features.body
        unknown, kept = (body == UNKNOWN).sum(axis=1), (body != PADDING).sum(axis=1)
        return encoded.unknown, np.column_stack((unknown, encoded.row, kept))

    with bar("encode", sum(shard.rows for shards in splits.values() for shard in shards)) as shown:
        for split, shards in splits.items():
            (target / split).mkdir()
            for unknown, rows in pool.map(partial(write, split), shards):
                shown.update(len(rows))
                if split == "validation":
                    words.update(unknown)
                    worst = sorted([*worst, *map(tuple, rows.tolist())])[-_WORST:]
    return UnknownWords(words, [(row, unknown / max(1, kept)) for unknown, row, kept in worst])


def encode_entry(entry: Path, vocabularies: Mapping[Field, Vocabulary]) -> Encoded:
    """Look up a tokenised shard in the vocabularies.

    The ids are those that `Vocabulary.encode` gives for their words, without tokenising again.
    """
    words, rows = read_words(entry), read_rows(entry)
    ids: dict[Field, Ids] = {}
    unknown: dict[Field, int] = {}
    known, ids_of_known = _known(*vocabularies.values())
    place = to_numpy(pc.index_in(words["word"], known).fill_null(_LAST))
    for field, of_known in zip(vocabularies, ids_of_known, strict=True):
        found = of_known[place]
        unknown[field] = int(to_numpy(words[f"{field}_count"])[found == UNKNOWN].sum())
        ids[field] = np.empty_like(found)
        ids[field][to_numpy(words["number"])] = found
    size = vocabularies["title"].size
    body_extended, title_extended = extend_pair(rows.body, rows.title, ids["title"], size)
    features = Features(
        body=look_up(rows.body, ids["body"]),
        title=look_up(rows.title, ids["title"]),
        body_extended=body_extended,
        title_extended=title_extended,
    )
    return Encoded(features, rows.row, unknown)


@lru_cache(maxsize=1)  # all shards have the same vocabularies
def _known(*vocabularies: Vocabulary) -> tuple[pa.StringArray, list[Ids]]:
    """Return the words of all vocabularies, and the ids of each for them and for any other word."""
    words = list(dict.fromkeys(word for vocabulary in vocabularies for word in vocabulary.words))
    ids = [
        np.array([*(of.ids.get(word, UNKNOWN) for word in words), UNKNOWN], np.int32)
        for of in vocabularies
    ]
    encoded = [word.encode() for word in words]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    buffers = (pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))
    return pa.StringArray.from_buffers(len(words), *buffers), ids


def look_up(numbers: Ids, ids: Ids) -> Ids:
    """Return the id of each number (rows, places), with padding where it is ABSENT.

    `ids` (words,) are those of the words of a shard.
    """
    return np.append(ids, np.int32(PADDING))[numbers]


def extend_pair(body: Ids, title: Ids, ids: Ids, size: int) -> tuple[Ids, Ids]:
    """Return the ids of bodies and titles, with ids from `size` on for each row's unknown words.

    A title's unknown word has the id that it has in the body, or stays unknown if the body does
    not hold it.

    Args:
        body: int32 (rows, places), numbers of a shard's words, ABSENT for padding.
        title: likewise.
        ids: int32 (words,), the id of each of these words in the title vocabulary.
        size: ids of that vocabulary; the first id that an unknown word can get.
    """
    both = np.hstack([body, title])
    extended = look_up(both, ids)
    unknown = extended == UNKNOWN
    row = np.repeat(np.arange(len(both)), unknown.sum(axis=1))
    keys = row * len(ids) + both[unknown]
    _, first, word = np.unique(keys, return_index=True, return_inverse=True)
    firsts = np.sort(first)
    nth = np.zeros(len(keys), np.int32)
    nth[firsts] = places(np.bincount(row[firsts]))
    extended[unknown] = size + nth[first[word]]
    of_body, of_title = np.split(extended, [body.shape[1]], axis=1)
    # Bodies stand first, so every word that only the title has got a higher id than the body's.
    highest = np.maximum(of_body.max(axis=1, initial=0), size - 1)
    return of_body, np.where(of_title > highest[:, None], np.int32(UNKNOWN), of_title)
