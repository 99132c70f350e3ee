"""Vocabularies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from issuesum.errors import ArtifactError
from issuesum.text.vocabulary import Vocabulary, pad

BODY = Vocabulary(words=("the", "app"), maxlen=3, padding="pre", append_indicators=False)
TITLE = Vocabulary(
    words=("_start_", "_end_", "app"), maxlen=4, padding="post", append_indicators=True
)


def test_bodies_are_padded_in_front_and_cut_behind() -> None:
    ids = BODY.encode([["the", "app"], ["app", "the", "unheard", "app"], []])
    assert ids.tolist() == [[0, 2, 3], [3, 2, 1], [0, 0, 0]]
    assert ids.dtype == np.int32


def test_titles_are_enclosed_and_padded_behind() -> None:
    assert TITLE.encode([["app"], ["app"] * 3]).tolist() == [[2, 4, 3, 0], [2, 4, 4, 4]]


def test_rows_are_cut_at_their_end_and_filled_on_one_side() -> None:
    rows = [[1, 2, 3], [4], []]
    assert pad(rows, 2, padding="pre", value=-1).tolist() == [[1, 2], [-1, 4], [-1, -1]]
    assert pad(rows, 2, padding="post", value=0).tolist() == [[1, 2], [4, 0], [0, 0]]
    assert pad([], 2, padding="pre", value=0).shape == (0, 2)


def test_no_text_gives_no_row() -> None:
    assert BODY.encode([]).shape == (0, 3)


def test_ids_are_turned_back_into_words() -> None:
    assert TITLE.decode([2, 4, 1, 3, 0]) == ["_start_", "app", "_end_"]
    assert TITLE.decode([4, 6, 5, 6], oov=["Foo", "bar9"]) == ["app", "bar9", "Foo", "bar9"]


def test_saving_gives_the_same_bytes_and_loads_back(tmp_path: Path) -> None:
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    TITLE.save(first)
    Vocabulary.load(first).save(second)
    assert Vocabulary.load(first) == TITLE
    assert first.read_bytes() == second.read_bytes()


def test_a_file_has_a_word_a_line_so_that_two_can_be_compared(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.json"
    Vocabulary(("the", "für"), maxlen=3, padding="pre", append_indicators=False).save(path)
    assert path.read_bytes().decode() == (
        '{\n"format": 1,\n"maxlen": 3,\n"padding": "pre",\n"append_indicators": false,\n'
        '"words": [\n"the",\n"für"\n]\n}\n'
    )


@pytest.mark.parametrize("content", ["", "[]", '{"format": 9}', '{"format": 1}', "\udcff"])
def test_broken_vocabulary_is_refused_by_name(content: str, tmp_path: Path) -> None:
    path = tmp_path / "body_vocabulary.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ArtifactError, match=r"body_vocabulary.json must be a vocabulary"):
        Vocabulary.load(path)
