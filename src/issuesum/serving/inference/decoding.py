"""From next-word scores to titles: beam search over one step function, whatever the model.

A title's score is the sum of its words' log-probabilities over its length to the power of
`length_penalty`, the end mark counted as a word. A rule takes a word's probability away; the
others' are not made larger for it.
"""

from collections.abc import Sequence
from itertools import accumulate, chain
from typing import NamedTuple, Protocol

import numpy as np

from issuesum.serving.inference.graphs import Floats, RowNumbers
from issuesum.serving.inference.rules import CUT_OFF, TitleRules
from issuesum.text.vocabulary import Ids

_FEW = 0.75
"""Rows that are done are left out when no larger share goes on: copying states has its price."""


class Hypothesis(NamedTuple):
    """A way to write a title."""

    ids: list[int]
    """Of its words, without marks."""
    score: float
    """Log-probability, normalised by length; higher is better."""


class _Beginning(NamedTuple):
    total: float  # log-probability
    ids: tuple[int, ...]
    row: int  # where the state is, of which it goes on


class Scorer[S](Protocol):
    """A model, as a search sees it; S is its state, one row a hypothesis."""

    def step(self, previous: Ids, state: S) -> tuple[Floats, S]:
        """Return probabilities (rows, outputs), to be overwritten, and the next state."""

    def expand(self, state: S, rows: RowNumbers) -> S:
        """Return the state of these rows: more, fewer or others than before."""

    def reorder(self, state: S, rows: RowNumbers) -> S:
        """Return the state of these rows, each a row of the body that stands in its place."""


def beam[S](
    scorer: Scorer[S], state: S, rules: TitleRules, *, keep: int = 1
) -> list[list[Hypothesis]]:
    """Follow the `beam_width` best beginnings of each row, all rows at once; 1 is greedy search.

    At every step the best continuations are chosen, as many as the beam is wide; those that end
    are set aside, and of the others those go on that can still beat the worst that is kept. Of
    equal scores the better beginning wins, then the lower id.

    Args:
        scorer: the model.
        state: its first state, `rules.rows` rows.
        rules: which words may come next.
        keep: hypotheses wanted; the best do not depend on it, the time does.

    Returns:
        For each row up to `keep` hypotheses, the best first; none if the rules leave no word.
    """
    settings, exponent = rules.settings, rules.settings.length_penalty
    ended: list[list[Hypothesis]] = [[] for _ in range(rules.rows)]
    going = [[_Beginning(0.0, (), row)] for row in range(rules.rows)]
    allotted = [1] * rules.rows  # rows of the state
    bodies = np.arange(rules.rows)  # to which these belong
    for length in range(1, rules.steps):
        histories: list[tuple[int, ...]] = [()] * sum(allotted)
        for beginning in chain(*going):
            histories[beginning.row] = beginning.ids
        previous = np.array([ids[-1] if ids else rules.start for ids in histories], np.int32)
        probabilities, state = scorer.step(previous, state)
        rules.enforce(probabilities, histories, bodies)
        words, log_probs = _most_probable(probabilities, settings.beam_width)
        for row, beginnings in enumerate(going):
            found = [
                _Beginning(total + log_prob, (*ids, word), of)
                for total, ids, of in beginnings
                for word, log_prob in zip(words[of], log_probs[of], strict=True)
                if log_prob > -np.inf
            ]
            best = sorted(found, key=lambda one: -one.total)[: settings.beam_width]
            ended[row] += [
                Hypothesis(list(one.ids[:-1]), one.total / length**exponent)
                for one in best
                if one.ids[-1] == rules.end
            ]
            kept = _best(ended[row], keep)
            least = rules.least(kept[-1].score, length) if len(kept) == keep else -np.inf
            going[row] = [one for one in best if one.ids[-1] != rules.end and one.total > least]
        if not any(going):
            break
        counts = [len(beginnings) for beginnings in going]
        move = scorer.reorder
        if sum(counts) <= _FEW * sum(allotted) or np.any(np.greater(counts, allotted)):
            allotted, move = counts, scorer.expand
            bodies = np.repeat(np.arange(rules.rows), allotted)
        state = move(state, _settle(going, allotted))
    for row, beginnings in enumerate(going):
        ended[row] += [
            Hypothesis(list(ids), (total + CUT_OFF) / rules.steps**exponent)
            for total, ids, _ in beginnings
        ]
    return [_best(of_row, keep) for of_row in ended]


def _best(ended: list[Hypothesis], keep: int) -> list[Hypothesis]:
    return sorted(ended, key=lambda one: -one.score)[:keep]


def _settle(going: list[list[_Beginning]], allotted: Sequence[int]) -> RowNumbers:
    """Give beginnings rows of the state, in place; return for each of these where it is now."""
    rows = np.arange(sum(allotted))
    for beginnings, first in zip(going, accumulate(allotted[:-1], initial=0), strict=True):
        for place, (total, ids, row) in enumerate(beginnings):
            rows[first + place] = row
            beginnings[place] = _Beginning(total, ids, first + place)
    return rows


def _most_probable(probabilities: Floats, width: int) -> tuple[list[list[int]], list[list[float]]]:
    """Return ids and log-probabilities of the best `width` words of each row, best first.

    `probabilities` (rows, outputs) are overwritten. Of equal ones the lower id comes first.
    """
    rows, outputs = probabilities.shape
    every = np.arange(rows)
    ids = np.empty((rows, min(width, outputs)), np.int64)
    best = np.empty(ids.shape, np.float32)
    # A few times argmax is 10 times as fast as onnxruntime's TopK, 30 times as argpartition.
    for place in range(ids.shape[1]):
        ids[:, place] = chosen = probabilities.argmax(axis=1)
        best[:, place] = probabilities[every, chosen]
        probabilities[every, chosen] = 0
    with np.errstate(divide="ignore"):
        return ids.tolist(), np.log(best).tolist()
