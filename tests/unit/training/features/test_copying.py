"""Ids for words that no vocabulary holds."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from issuesum.text.vocabulary import PADDING, UNKNOWN, Ids, pad
from issuesum.training.features.encoding import extend_pair, look_up
from issuesum.training.features.tokenise import ABSENT
from shards import WordTable

WORDS = ["app", "crash", "Foo", "bar9", "x.py"]
KNOWN = {"app": 2, "crash": 3}
SIZE = 4

rows_of_words = st.lists(st.lists(st.sampled_from(WORDS), max_size=7), min_size=1, max_size=6)


def _matrix(table: WordTable, rows: list[list[str]], maxlen: int, padding: str):
    return pad([table.numbers(row) for row in rows], maxlen, padding=padding, value=ABSENT)


def _ids(table: WordTable):
    return np.array([KNOWN.get(word, UNKNOWN) for word in list(table)], np.int32)


def _extended(table: WordTable, body: Ids) -> list[list[int]]:
    of_body, _ = extend_pair(body, body[:, :0], _ids(table), SIZE)
    return of_body.tolist()


def test_source_words_out_of_vocabulary_get_ids_behind_it_in_each_row() -> None:
    table = WordTable()
    body = _matrix(table, [["Foo", "app", "bar9", "Foo"], ["bar9", "crash"], []], 5, "pre")
    assert _extended(table, body) == [
        [0, 4, 2, 5, 4],
        [0, 0, 0, 4, 3],
        [0, 0, 0, 0, 0],
    ]
    assert look_up(body, _ids(table)).tolist()[0] == [0, 1, 2, 1, 1]


def test_a_title_points_at_words_of_its_own_body_alone() -> None:
    table = WordTable()
    body = _matrix(table, [["Foo", "app"], ["bar9"]], 3, "pre")
    title = _matrix(table, [["app", "Foo", "bar9"], ["Foo", "bar9"]], 4, "post")
    of_body, of_title = extend_pair(body, title, _ids(table), SIZE)
    assert of_body.tolist() == [[0, 4, 2], [0, 0, 4]]
    assert of_title.tolist() == [[2, 4, 1, 0], [1, 4, 0, 0]]


def test_the_only_word_of_all_rows_is_the_first_of_each() -> None:
    table = WordTable()
    body = _matrix(table, [["Foo"], ["Foo", "Foo"], ["Foo"]], 2, "pre")
    assert _extended(table, body) == [[0, 4], [4, 4], [0, 4]]


def test_where_no_body_is_read_a_title_keeps_what_the_vocabulary_holds() -> None:
    table = WordTable()
    title = _matrix(table, [["app", "Foo"], []], 2, "post")
    of_body, of_title = extend_pair(np.empty((2, 0), np.int32), title, _ids(table), SIZE)
    assert of_body.shape == (2, 0)
    assert of_title.tolist() == [[2, 1], [0, 0]]


@given(bodies=rows_of_words, titles=rows_of_words, maxlen=st.integers(1, 6))
def test_extended_ids_are_those_of_a_plain_loop(
    bodies: list[list[str]], titles: list[list[str]], maxlen: int
) -> None:
    rows = min(len(bodies), len(titles))
    bodies, titles = bodies[:rows], titles[:rows]
    table = WordTable()
    body = _matrix(table, bodies, maxlen, "pre")
    title = _matrix(table, titles, maxlen, "post")
    of_body, of_title = extend_pair(body, title, _ids(table), SIZE)
    assert of_body.dtype == of_title.dtype == np.int32
    for line, title_line, words, title_words in zip(of_body, of_title, bodies, titles, strict=True):
        kept = words[:maxlen]
        own = list(dict.fromkeys(word for word in kept if word not in KNOWN))
        ids = KNOWN | {word: SIZE + n for n, word in enumerate(own)}
        assert line[line != PADDING].tolist() == [ids[word] for word in kept]
        expected = [ids.get(word, UNKNOWN) for word in title_words[:maxlen]]
        assert title_line[title_line != PADDING].tolist() == expected
    assert _extended(table, body) == of_body.tolist()
