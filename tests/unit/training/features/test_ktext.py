"""ktext as the oracle of our ids."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from issuesum.text.prose import prose
from issuesum.text.tokens import END, START, words
from issuesum.training.features.counting import count_words
from issuesum.training.features.encoding import encode_entry
from issuesum.training.features.ktext_adapter import Fields, FieldSettings, number_words
from ktext_oracle import fit_transform
from shards import put_entry, shard

FIELDS: Fields = {
    "body": FieldSettings(8000, 70, "pre", append_indicators=False),
    "title": FieldSettings(4500, 12, "post", append_indicators=True),
}


def test_the_indexer_of_ktext_numbers_merged_counts() -> None:
    counts = {"b": 2, "a": 5, "d": 2, "c": 1}
    found = number_words(counts, FieldSettings(3, 5, "pre", append_indicators=False))
    assert found.words == ("a", "b", "d")


@pytest.mark.slow
def test_ids_are_those_of_ktext_on_the_original_s_issues(shared: Path, tmp_path: Path) -> None:
    with (shared / "data/github_issues_medium.csv").open(encoding="utf-8", newline="") as file:
        issues = [(row["issue_title"], row["body"]) for row in csv.DictReader(file)]
    assert len(issues) == 5000
    entries = [
        put_entry(
            tmp_path / str(start),
            shard((n, *issue) for n, issue in enumerate(issues[start : start + 700])),
            FIELDS,
        )
        for start in range(0, 5000, 700)
    ]
    counts = count_words(entries, {field: of.keep_n for field, of in FIELDS.items()})
    ours = {field: number_words(counts[field].top, settings) for field, settings in FIELDS.items()}
    encoded = [encode_entry(entry, ours).features for entry in entries]

    texts_of = {
        "body": [prose(body) for _, body in issues],
        "title": [title for title, _ in issues],
    }
    theirs = fit_transform(
        tmp_path, {field: (texts_of[field], settings) for field, settings in FIELDS.items()}
    )
    for field, (vocabulary, ids, tokens) in theirs.items():
        settings, texts = FIELDS[field], texts_of[field]
        assert ours[field].ids == vocabulary
        np.testing.assert_array_equal(
            np.concatenate([getattr(part, field) for part in encoded]), ids
        )
        np.testing.assert_array_equal(ours[field].encode(map(words, texts)), ids)
        enclosed = [START, END] if settings.append_indicators else []
        assert tokens == [[*enclosed[:1], *words(text), *enclosed[1:]] for text in texts[:20]]
