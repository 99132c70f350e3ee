"""From tokenised shards and the vocabularies to ids."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from issuesum.console import bar
from issuesum.layout import Split
from issuesum.text.copying import extend_pair, look_up
from issuesum.text.features import BODY_VOCABULARY, TITLE_VOCABULARY, Features, save_shard
from issuesum.text.vocabulary import PADDING, UNKNOWN, Ids, Vocabulary
from issuesum.training.features.incremental import Shard
from issuesum.training.features.ktext_adapter import Field
from issuesum.training.features.tokenise import Counts, read_rows, read_words

_WORST = 5  # rows that are named if too many words are unknown


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
    splits: Mapping[Split, Sequence[Shard]], vocabularies: Mapping[Field, Vocabulary], target: Path
) -> UnknownWords:
    """Write vocabularies and ids, a shard at a time, to `target`, an existing, empty folder.

    A shard's ids get the name of its Parquet file.
    """
    vocabularies["body"].save(target / BODY_VOCABULARY)
    vocabularies["title"].save(target / TITLE_VOCABULARY)
    words: Counter[Field] = Counter()
    worst: list[tuple[int, int, int]] = []
    with bar("encode", sum(shard.rows for shards in splits.values() for shard in shards)) as shown:
        for split, shards in splits.items():
            (target / split).mkdir()
            for shard in shards:
                encoded = encode_entry(shard.entry, vocabularies)
                save_shard(target / split / f"{shard.path.stem}.npz", encoded.features)
                shown.update(shard.rows)
                if split == "validation":
                    words.update(encoded.unknown)
                    body = encoded.features.body
                    unknown, kept = (body == UNKNOWN).sum(axis=1), (body != PADDING).sum(axis=1)
                    rows = map(tuple, np.column_stack((unknown, encoded.row, kept)).tolist())
                    worst = heapq.nlargest(_WORST, [*worst, *rows])
    return UnknownWords(words, [(row, unknown / max(1, kept)) for unknown, row, kept in worst])


def encode_entry(entry: Path, vocabularies: Mapping[Field, Vocabulary]) -> Encoded:
    """Look up a tokenised shard in the vocabularies.

    The ids are those that `Vocabulary.encode` gives for their words, without tokenising again.
    """
    words, rows = read_words(entry).sort_by("number"), read_rows(entry)
    ids: dict[Field, Ids] = {}
    unknown: dict[Field, int] = {}
    for field, vocabulary in vocabularies.items():
        known = vocabulary.ids
        place = pc.index_in(words["word"], pa.array(known, pa.string())).fill_null(len(known))
        ids[field] = np.array([*known.values(), UNKNOWN], np.int32)[place.to_numpy()]
        unknown[field] = int(words[f"{field}_count"].to_numpy()[ids[field] == UNKNOWN].sum())
    size = vocabularies["title"].size
    body_extended, title_extended = extend_pair(rows.body, rows.title, ids["title"], size)
    features = Features(
        body=look_up(rows.body, ids["body"]),
        title=look_up(rows.title, ids["title"]),
        body_extended=body_extended,
        title_extended=title_extended,
    )
    return Encoded(features, rows.row, unknown)
