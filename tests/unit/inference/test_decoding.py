"""Decoding with toy vocabularies and scores made by hand, without any model."""

from __future__ import annotations

import numpy as np

from issuesum.inference.decoding import greedy

START, END, A, B, BAD = 2, 3, 4, 5, 6


def _decode(tables: list[list[dict[int, float]]], steps: int = 4) -> list[list[int]]:
    """Decode rows whose scores at each step are given; the state is the step's number."""

    def step(previous: np.ndarray, state: int) -> tuple[np.ndarray, int]:
        assert previous.dtype == np.int32
        scores = np.full((len(tables), 7), -9.0, np.float32)
        for row, table in enumerate(tables):
            for index, value in table[state].items():
                scores[row, index] = value
        return scores, state + 1

    rows = greedy(
        step, 0, batch=len(tables), start=START, end=END, steps=steps, forbidden=[0, 1, BAD]
    )
    assert rows.shape == (len(tables), steps)
    return rows.tolist()


def test_the_most_probable_word_is_taken_until_the_end() -> None:
    assert _decode([[{A: -1, B: -2}, {B: -1}, {END: -1}]], steps=3) == [[A, B, 0]]


def test_a_finished_row_waits_for_the_others() -> None:
    first = [{A: -1}, {END: -1}, {B: -1}, {B: -1}]
    second = [{B: -1}, {B: -1}, {A: -1}, {END: -1}]
    assert _decode([first, second]) == [[A, 0, 0, 0], [B, B, A, 0]]


def test_padding_unknown_and_placeholders_are_never_taken() -> None:
    assert _decode([[{0: 0, 1: 0, BAD: 0, A: -1}, {END: -1}]], steps=2) == [[A, 0]]


def test_a_title_has_at_least_one_word() -> None:
    assert _decode([[{END: 0, B: -5}, {END: 0}]], steps=2) == [[B, 0]]


def test_the_number_of_words_is_bounded() -> None:
    assert _decode([[{A: -1}] * 3], steps=3) == [[A, A, A]]
