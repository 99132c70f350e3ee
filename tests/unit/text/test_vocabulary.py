"""Vocabularies, and ktext as the oracle of their contract."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuesum.errors import ArtifactError
from issuesum.text.ktext_adapter import build_vocabulary, make_processor
from issuesum.text.tokens import clean, tokenize
from issuesum.text.vocabulary import Vocabulary

BODY = Vocabulary(words=("the", "app"), maxlen=3, padding="pre", append_indicators=False)
TITLE = Vocabulary(
    words=("_start_", "_end_", "app"), maxlen=4, padding="post", append_indicators=True
)


def test_bodies_are_padded_in_front_and_cut_behind() -> None:
    ids = BODY.encode(["the app", "app the unheard app", ""])
    assert ids.tolist() == [[0, 2, 3], [3, 2, 1], [0, 0, 0]]
    assert ids.dtype == np.int32


def test_titles_are_enclosed_and_padded_behind() -> None:
    assert TITLE.encode(["app", "app app app"]).tolist() == [[2, 4, 3, 0], [2, 4, 4, 4]]


def test_no_text_gives_no_row() -> None:
    assert BODY.encode([]).shape == (0, 3)


def test_ids_are_turned_back_into_words() -> None:
    assert TITLE.decode([2, 4, 1, 3, 0]) == ["_start_", "app", "_end_"]


def test_saving_gives_the_same_bytes_and_loads_back(tmp_path: Path) -> None:
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    TITLE.save(first)
    Vocabulary.load(first).save(second)
    assert Vocabulary.load(first) == TITLE
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("content", ["", "[]", '{"format": 9}', '{"format": 1}', "\udcff"])
def test_broken_vocabulary_is_refused_by_name(content: str, tmp_path: Path) -> None:
    path = tmp_path / "body_vocabulary.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ArtifactError, match=r"body_vocabulary.json must be a vocabulary"):
        Vocabulary.load(path)


@given(
    texts=st.lists(st.text(alphabet="ab cX.\n"), min_size=1, max_size=8),
    keep_n=st.integers(1, 6),
    title=st.booleans(),
)
def test_ids_are_those_of_ktext(texts: list[str], keep_n: int, title: bool) -> None:
    if not any(clean(text) for text in texts):
        texts = [*texts, "a"]  # ktext cannot fit a corpus without a word
    _agree(texts, keep_n=keep_n, padding_maxlen=5, title=title)


@pytest.mark.parametrize(("column", "title"), [("body", False), ("issue_title", True)])
def test_ids_are_those_of_ktext_on_real_issues(column: str, title: bool, shared: Path) -> None:
    with (shared / "data/github_issues_medium.csv").open(encoding="utf-8", newline="") as file:
        texts = [row[column] for row in csv.DictReader(file)]
    assert len(texts) == 5000
    _agree(texts, keep_n=4500, padding_maxlen=12 if title else 70, title=title)


def _agree(texts: list[str], *, keep_n: int, padding_maxlen: int, title: bool) -> None:
    dials = {
        "keep_n": keep_n,
        "padding_maxlen": padding_maxlen,
        "padding": "post" if title else "pre",
        "append_indicators": title,
    }
    ours = build_vocabulary(texts, **dials)
    processor = make_processor(**dials)
    # ktext's own `fit` forks; its two halves are called instead of it.
    tokenized = processor.process_text(texts)
    from ktext.preprocess import custom_Indexer

    processor.indexer = custom_Indexer(num_words=keep_n)
    processor.indexer.fit_on_tokenized_texts(tokenized)
    assert ours.ids == processor.indexer.word_index
    np.testing.assert_array_equal(ours.encode(texts), processor.transform(texts))
    assert tokenized[0] == (["_start_"] * title + tokenize(clean(texts[0])) + ["_end_"] * title)
