"""From tokenised shards and the vocabularies to ids."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from issuesum.console import bar
from issuesum.text.copying import extend_pair, look_up
from issuesum.text.features import BODY_VOCABULARY, TITLE_VOCABULARY, Features, save_shard
from issuesum.text.vocabulary import PADDING, UNKNOWN, Ids, Vocabulary
from issuesum.training.corpus.shards import Side
from issuesum.training.features.entry import Counts, read_rows, read_words
from issuesum.training.features.fields import Field
from issuesum.training.features.incremental import Shard

_WORST = 5
"""Rows that are named if too many words are unknown."""


@dataclass(frozen=True)
class Encoded:
    """A shard's ids, and what the vocabularies miss of it.

    Attributes:
        features: the ids.
        row: int64 (rows,), numbers of the rows in the raw file.
        body_unknown: words of whole bodies that the body vocabulary does not hold.
        title_unknown: the same of titles.
        kept: int64 (rows,), words of each body that the model reads.
        unknown: int64 (rows,), those of `kept` that the body vocabulary does not hold.
    """

    features: Features
    row: Counts
    body_unknown: int
    title_unknown: int
    kept: Counts
    unknown: Counts


class UnknownWords:
    """What the vocabularies do not hold of some shards.

    Attributes:
        words: unknown words of whole texts, by field.
    """

    def __init__(self) -> None:
        """Begin without any shard."""
        self.words: dict[Field, int] = {"body": 0, "title": 0}
        self._worst: list[tuple[int, int, int]] = []

    def add(self, encoded: Encoded) -> None:
        """Take in a shard."""
        self.words["body"] += encoded.body_unknown
        self.words["title"] += encoded.title_unknown
        rows = np.column_stack([encoded.unknown, encoded.row, encoded.kept]).tolist()
        self._worst = heapq.nlargest(_WORST, [*self._worst, *map(tuple, rows)])

    @property
    def worst_rows(self) -> list[tuple[int, float]]:
        """Rows of the raw file with the most unknown words, each with their share of its words."""
        return [(row, unknown / max(1, kept)) for unknown, row, kept in self._worst]


def write_features(
    sides: Mapping[Side, Sequence[Shard]], vocabularies: Mapping[Field, Vocabulary], target: Path
) -> UnknownWords:
    """Write vocabularies and ids, a shard at a time.

    Args:
        sides: tokenised shards; a shard's ids get the name of its Parquet file.
        vocabularies: of both fields.
        target: an existing, empty folder.

    Returns:
        What the vocabularies do not hold of the validation side.
    """
    vocabularies["body"].save(target / BODY_VOCABULARY)
    vocabularies["title"].save(target / TITLE_VOCABULARY)
    unknown = UnknownWords()
    with bar("encode", sum(shard.rows for shards in sides.values() for shard in shards)) as shown:
        for side, shards in sides.items():
            (target / side).mkdir()
            for shard in shards:
                encoded = encode_entry(shard.entry, vocabularies)
                save_shard(target / side / f"{shard.path.stem}.npz", encoded.features)
                if side == "validation":
                    unknown.add(encoded)
                shown.update(shard.rows)
    return unknown


def encode_entry(entry: Path, vocabularies: Mapping[Field, Vocabulary]) -> Encoded:
    """Look up a tokenised shard in the vocabularies.

    The ids are those that `Vocabulary.encode` gives for their words, without tokenising again.
    """
    body, title = vocabularies["body"], vocabularies["title"]
    table = read_words(entry)
    words, numbers = table["word"].to_pylist(), table["number"].to_numpy()
    body_ids = _ids_by_number(words, numbers, body)
    title_ids = _ids_by_number(words, numbers, title)
    rows = read_rows(entry)
    body_rows = look_up(rows.body, body_ids)
    body_extended, title_extended = extend_pair(rows.body, rows.title, title_ids, title.size)
    missed_body = (body_ids == UNKNOWN)[numbers]
    missed_title = (title_ids == UNKNOWN)[numbers]
    return Encoded(
        features=Features(
            body=body_rows,
            title=look_up(rows.title, title_ids),
            body_extended=body_extended,
            title_extended=title_extended,
        ),
        row=rows.row,
        body_unknown=int(table["body_count"].to_numpy()[missed_body].sum()),
        title_unknown=int(table["title_count"].to_numpy()[missed_title].sum()),
        kept=np.count_nonzero(body_rows != PADDING, axis=1),
        unknown=np.count_nonzero(body_rows == UNKNOWN, axis=1),
    )


def _ids_by_number(words: list[str], numbers: Ids, vocabulary: Vocabulary) -> Ids:
    ids = np.empty(len(words), np.int32)
    known = vocabulary.ids
    ids[numbers] = [known.get(word, UNKNOWN) for word in words]
    return ids
