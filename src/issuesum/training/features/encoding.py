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
from issuesum.training.features.incremental import Shard
from issuesum.training.features.ktext_adapter import Field

_WORST = 5  # rows that are named if too many words are unknown


@dataclass(frozen=True)
class Encoded:
    """A shard's ids, and what the vocabularies miss of it."""

    features: Features  # the ids
    row: Counts  # int64 (rows,), numbers of the rows in the raw file
    body_unknown: int  # words of whole bodies that the body vocabulary does not hold
    title_unknown: int  # the same of titles
    kept: Counts  # int64 (rows,), words of each body that the model reads
    unknown: Counts  # int64 (rows,), those of `kept` that the body vocabulary does not hold


@dataclass(frozen=True)
class UnknownWords:
    """What the vocabularies do not hold of the validation split."""

    words: dict[Field, int]  # out-of-vocabulary words of whole texts
    worst_rows: list[tuple[int, float]]  # the raw file's rows with most, and their share of words


def write_features(
    sides: Mapping[Side, Sequence[Shard]], vocabularies: Mapping[Field, Vocabulary], target: Path
) -> UnknownWords:
    """Write vocabularies and ids, a shard at a time.

    Args:
        sides: tokenised shards by split; a shard's ids get the name of its Parquet file.
        vocabularies: of both fields.
        target: an existing, empty folder.
    """
    vocabularies["body"].save(target / BODY_VOCABULARY)
    vocabularies["title"].save(target / TITLE_VOCABULARY)
    words: dict[Field, int] = {"body": 0, "title": 0}
    worst: list[tuple[int, int, int]] = []
    with bar("encode", sum(shard.rows for shards in sides.values() for shard in shards)) as shown:
        for side, shards in sides.items():
            (target / side).mkdir()
            for shard in shards:
                encoded = encode_entry(shard.entry, vocabularies)
                save_shard(target / side / f"{shard.path.stem}.npz", encoded.features)
                shown.update(shard.rows)
                if side == "validation":
                    words["body"] += encoded.body_unknown
                    words["title"] += encoded.title_unknown
                    columns = (encoded.unknown, encoded.row, encoded.kept)
                    rows = map(tuple, np.column_stack(columns).tolist())
                    worst = heapq.nlargest(_WORST, [*worst, *rows])
    return UnknownWords(words, [(row, unknown / max(1, kept)) for unknown, row, kept in worst])


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
