"""A corpus without spaces between words is learnt from as any other."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from issuesum.text.vocabulary import PADDING, UNKNOWN
from issuesum.training.features.counting import count_words
from issuesum.training.features.encoding import encode_entry
from issuesum.training.features.ktext_adapter import Fields, FieldSettings, number_words
from shards import put_entry, shard

FIELDS: Fields = {
    "body": FieldSettings(400, 70, "pre", append_indicators=False),
    "title": FieldSettings(400, 32, "post", append_indicators=True),
}


def test_new_sentences_are_made_of_known_words(tmp_path: Path) -> None:
    draw = random.Random(7)  # noqa: S311
    letters = [chr(0x4E00 + draw.randrange(3000)) for _ in range(200)]
    sentences = ["".join(draw.choices(letters, k=20)) + "。" for _ in range(400)]
    rows = [(n, body[:12], f"### 环境\n{body}サーバー") for n, body in enumerate(sentences)]
    train, other = (
        put_entry(tmp_path / name, shard(part), FIELDS)
        for name, part in (("train", rows[:300]), ("other", rows[300:]))
    )
    counts = count_words([train], {field: of.keep_n for field, of in FIELDS.items()})
    vocabularies = {field: number_words(counts[field].top, of) for field, of in FIELDS.items()}
    found = encode_entry(other, vocabularies)
    ids = found.features.body
    assert np.mean((ids != PADDING).sum(axis=1)) == 23, "2 of the heading, 20, and one of katakana"
    assert (ids == UNKNOWN).sum() < 0.05 * (ids != PADDING).sum()
