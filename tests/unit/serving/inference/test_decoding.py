"""The search with toy vocabularies and scores made by hand, without any model."""

from __future__ import annotations

from itertools import pairwise, product
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuesum.serving.inference.decoding import beam
from issuesum.serving.inference.rules import CUT_OFF, Decoding, TitleRules
from issuesum.text.vocabulary import Vocabulary

START, END, A, B, BAD = 2, 3, 4, 5, 6


class Tables:
    """Scores of each row at each step; the state is a row's number and the number of the step."""

    def __init__(self, tables: list[list[dict[int, float]]], ids: int = 7) -> None:
        self.tables, self.ids = tables, ids
        self.rows_asked: list[int] = []

    def step(self, previous: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert previous.dtype == np.int32
        assert len(previous) == len(state)
        self.rows_asked.append(len(previous))
        scores = np.full((len(state), self.ids), -9.0, np.float32)
        for line, (row, place) in zip(scores, state, strict=True):
            for index, value in self.tables[row][place].items():
                line[index] = value
        return np.exp(scores), state + np.array([0, 1])

    def take(self, state: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return state[rows]

    @property
    def first(self) -> np.ndarray:
        return np.column_stack([np.arange(len(self.tables)), np.zeros(len(self.tables), int)])


class Language:
    """Probabilities that depend on the history; the state is the row and its words so far."""

    def __init__(self, seed: int, rows: int, ids: int, *, coarse: bool = False) -> None:
        self.seed, self.rows, self.ids, self.coarse = seed, rows, ids, coarse

    def probabilities(self, row: int, history: tuple[int, ...]) -> np.ndarray:
        draw = np.random.default_rng([self.seed, row, *history])
        logits = draw.integers(0, 2, self.ids) * 2.0 if self.coarse else draw.normal(0, 2, self.ids)
        return (np.exp(logits) / np.exp(logits).sum()).astype(np.float32)

    def scores(self, row: int, history: tuple[int, ...]) -> np.ndarray:
        return np.array([log(one) for one in self.probabilities(row, history)])

    def step(self, previous: np.ndarray, state: list) -> tuple[np.ndarray, list]:
        state = [
            (row, (*history, int(w))) for (row, history), w in zip(state, previous, strict=True)
        ]
        return np.stack([self.probabilities(*of_row) for of_row in state]), state

    def take(self, state: list, rows: np.ndarray) -> list:
        return [state[row] for row in rows]

    @property
    def first(self) -> list:
        return [(row, ()) for row in range(self.rows)]


def _rules(rows: int, *, size: int = 7, **settings: float) -> TitleRules:
    defaults = {"beam_width": 1, "length_penalty": 1.0, "min_words": 1, "no_repeat": 0}
    return TitleRules(
        start=START,
        end=END,
        forbidden=(0, 1, START, BAD),
        size=size,
        own=np.ones((rows, 0), bool),
        settings=Decoding(**{**defaults, **settings}),  # type: ignore[arg-type]
    )


def _ids(tables: list[list[dict[int, float]]], **settings) -> list[list[int]]:
    scorer = Tables(tables)
    found = beam(scorer, scorer.first, _rules(len(tables), **settings))
    return [of_row[0].ids for of_row in found]


def test_rules_are_those_of_a_title_vocabulary() -> None:
    words = ("_start_", "app", "_url_", "_end_", "_email_")
    title = Vocabulary(words, 6, "post", append_indicators=True)
    own = np.arange(6).reshape(3, 2) > 2
    chosen = Decoding(4, 0.9, 2, 5, 3)
    rules = TitleRules.of(title, own, chosen)
    assert (rules.start, rules.end, rules.steps, rules.size, len(rules.own)) == (2, 5, 6, 7, 3)
    assert sorted(rules.forbidden) == [0, 1, 2, 4, 6]
    assert rules.settings == chosen
    assert rules.own is own


class TestOneBeam:
    def test_the_most_probable_word_is_taken_until_the_end(self) -> None:
        assert _ids([[{A: -1, B: -2}, {B: -1}, {END: -1}]], max_words=2) == [[A, B]]

    def test_a_finished_row_waits_for_the_others(self) -> None:
        first = [{A: -1}, {END: -1}, {B: -1}, {B: -1}]
        second = [{B: -1}, {B: -1}, {A: -1}, {END: -1}]
        assert _ids([first, second], max_words=3) == [[A], [B, B, A]]

    def test_padding_unknown_and_placeholders_are_never_taken(self) -> None:
        tables = [[{0: 0, 1: 0, START: 0, BAD: 0, A: -1}, {END: -1}]]
        assert _ids(tables, max_words=1) == [[A]]

    def test_a_title_has_as_many_words_as_it_must_have(self) -> None:
        tables = [[{END: 0, B: -5}, {END: 0, A: -3}, {END: 0}]]
        assert _ids(tables, max_words=2) == [[B]]
        assert _ids(tables, max_words=2, min_words=2) == [[B, A]]

    def test_the_number_of_words_is_bounded(self) -> None:
        assert _ids([[{A: -1}] * 4], max_words=3) == [[A, A, A]]

    def test_a_title_at_the_limit_is_written_only_if_no_other_ended(self) -> None:
        tables = [[{A: -1, B: -2}, {END: -0.5, A: -0.1}, {END: -0.1}]]
        scorer = Tables(tables)
        rules = _rules(1, max_words=2, beam_width=2, length_penalty=3)
        assert [title.ids for title in beam(scorer, scorer.first, rules)[0]] == [[A]]
        (found,) = beam(scorer, scorer.first, rules, keep=2)
        assert [title.ids for title in found] == [[A], [A, A]]
        assert [title.score for title in found] == pytest.approx([-1.5 / 8, -101.1 / 27])
        assert _ids(tables, max_words=2) == [[A, A]]

    def test_words_in_a_row_do_not_occur_twice(self) -> None:
        again = [[*[{A: -1, B: -2}] * 3, {A: -1, B: -2, END: -3}, {END: -1}]]
        assert _ids(again, max_words=4) == [[A, A, A, A]]
        assert _ids(again, max_words=4, no_repeat=3) == [[A, B, A, B]]
        assert _ids(again, max_words=4, no_repeat=2) == [[A, B, A]]
        assert _ids([[{A: -1, B: -2, END: -3}] * 4], max_words=3, no_repeat=1) == [[A, B]]

    def test_a_row_says_its_own_words_only(self) -> None:
        scorer = Tables([[{7: -1, 8: -2, 9: -3}, {END: 0}]] * 3, ids=10)
        own = np.ones((3, 5), bool)  # more than the model scores
        own[1, 0] = own[2, :2] = False
        rules = _rules(3, max_words=1)
        object.__setattr__(rules, "own", own)
        found = beam(scorer, scorer.first, rules)
        assert [of_row[0].ids for of_row in found] == [[7], [8], [9]]

    def test_a_score_is_the_log_probability_over_the_length_with_its_end(self) -> None:
        tables = [[{A: -1.5}, {B: -0.5}, {END: -2.0}]]
        for penalty in (0.0, 0.9):
            scorer = Tables(tables)
            ((found,),) = beam(scorer, scorer.first, _rules(1, max_words=3, length_penalty=penalty))
            assert found.score == pytest.approx(-4.0 / 3**penalty)

    def test_of_equal_words_the_one_with_the_lowest_id_is_taken(self) -> None:
        assert _ids([[{A: -1, B: -1}, {END: -1}]], max_words=1) == [[A]]

    def test_where_no_word_is_allowed_there_is_no_title(self) -> None:
        scorer = Tables([[{A: -1}] * 3], ids=5)
        rules = _rules(1, max_words=2, size=5, no_repeat=1, min_words=2)
        object.__setattr__(rules, "forbidden", (0, 1, START))
        assert beam(scorer, scorer.first, rules) == [[]]


seeds = st.integers(0, 2**32 - 1)
settings = {
    "length_penalty": st.sampled_from([0.0, 0.6, 0.9, 1.0, 2.0]),
    "min_words": st.integers(1, 3),
    "no_repeat": st.integers(0, 3),
}


def _repeats(words: tuple[int, ...], size: int) -> bool:
    grams = [words[place : place + size] for place in range(len(words) - size + 1)]
    return size > 0 and (len(set(grams)) < len(grams) or any(a == b for a, b in pairwise(words)))


def _every_title(
    scorer: Language, row: int, rules: TitleRules
) -> list[tuple[float, tuple[int, ...]]]:
    """All titles that the rules allow with their scores, best first."""
    allowed = [index for index in range(scorer.ids) if index not in (*rules.forbidden, END)]
    found = []
    for length in range(rules.settings.min_words, rules.settings.max_words + 1):
        for words in product(allowed, repeat=length):
            if _repeats(words, rules.settings.no_repeat):
                continue
            history = (*words, END)
            total = sum(
                float(scorer.scores(row, (START, *history[:place]))[index])
                if place < rules.settings.max_words
                else CUT_OFF
                for place, index in enumerate(history)
            )
            found.append((total / len(history) ** rules.settings.length_penalty, words))
    return sorted(found, key=lambda title: -title[0])


@given(seed=seeds, **settings)
def test_a_wide_beam_finds_the_best_titles_of_all(seed: int, **chosen) -> None:
    scorer = Language(seed, 2, 8)
    rules = _rules(2, max_words=3, size=8, beam_width=200, **chosen)
    found = beam(scorer, scorer.first, rules, keep=5)
    for row, of_row in enumerate(found):
        expected = _every_title(scorer, row, rules)[:5]
        assert [tuple(title.ids) for title in of_row] == [words for _, words in expected]
        assert [title.score for title in of_row] == pytest.approx([score for score, _ in expected])


def _plain_beam(
    scorer: Language, row: int, rules: TitleRules
) -> list[tuple[float, tuple[int, ...]]]:
    """Beam search of one row as loops, to the last step."""
    going: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    done = []
    for place in range(rules.steps):
        grown = []
        for total, words in going:
            scores = scorer.scores(row, (START, *words))
            for index in range(scorer.ids):
                history = (*words, index)
                early = index == END and place < rules.settings.min_words
                again = index != END and _repeats(history, rules.settings.no_repeat)
                late = index != END and place == rules.settings.max_words
                score = CUT_OFF if place == rules.settings.max_words else float(scores[index])
                if index not in rules.forbidden and not (early or late or again):
                    grown.append((total + score, history))
        best = sorted(grown, key=lambda title: -title[0])[: rules.settings.beam_width]
        ended = [title for title in best if title[1][-1] == END]
        done += [(total / (place + 1) ** rules.settings.length_penalty, s) for total, s in ended]
        going = [title for title in best if title not in ended]
    return [
        (score, tuple(index for index in history if index != END))
        for score, history in sorted(done, key=lambda title: -title[0])
    ]


@given(
    seed=seeds,
    rows=st.integers(1, 6),
    width=st.integers(1, 5),
    keep=st.integers(1, 5),
    coarse=st.booleans(),
    **settings,
)
def test_a_batch_of_beams_is_a_plain_loop(
    seed: int, rows: int, width: int, keep: int, coarse: bool, **chosen
) -> None:
    scorer = Language(seed, rows, 9, coarse=coarse)
    rules = _rules(rows, max_words=5, size=9, beam_width=width, **chosen)
    found = beam(scorer, scorer.first, rules, keep=keep)
    for row, of_row in enumerate(found):
        expected = _plain_beam(scorer, row, rules)[:keep]
        assert [tuple(title.ids) for title in of_row] == [words for _, words in expected]
        assert [title.score for title in of_row] == pytest.approx([score for score, _ in expected])


def test_a_beam_finds_what_greedy_passes_over() -> None:
    tables = [[{A: -0.5, B: -0.6}, {END: -3.0, A: -4.0}, {END: 0}]]

    class Garden(Tables):
        def step(self, previous, state):
            scores, state = super().step(previous, state)
            scores[previous == B, END] = np.exp(-0.1)
            return scores, state

    scorer = Garden(tables)
    assert beam(scorer, scorer.first, _rules(1, max_words=2))[0][0].ids == [A]
    (found,) = beam(scorer, scorer.first, _rules(1, max_words=2, beam_width=2), keep=2)
    assert [title.ids for title in found] == [[B], [A]]


def test_rows_that_are_done_are_no_longer_asked_about() -> None:
    short = [{A: 0}, {END: 0}, *[{A: 0}] * 4]
    long = [*[{A: 0}] * 5, {END: 0}]
    scorer = Tables([short, long, short, short])
    beam(scorer, scorer.first, _rules(4, max_words=6, beam_width=2))
    assert scorer.rows_asked == [4, 8, 1, 1, 1, 1]


def test_the_search_ends_when_no_beginning_can_win() -> None:
    tables = [[{A: -0.1, B: -8.0}, {END: -0.1, A: -2.0}, *[{A: -0.1}] * 7, {END: -0.1}]]
    scorer = Tables(tables)
    beam(scorer, scorer.first, _rules(1, max_words=10, beam_width=2, length_penalty=0.5))
    assert len(scorer.rows_asked) == 2
    # With a heavy penalty for short titles the others can still win, and do.
    scorer = Tables(tables)
    rules = _rules(1, max_words=10, beam_width=2, length_penalty=4.0)
    assert len(beam(scorer, scorer.first, rules)[0][0].ids) == 9
