"""From next-word scores to titles: beam search over one step function, whatever the model.

A title's score is the sum of its words' log-probabilities over its length to the power of
`length_penalty`, the end mark counted as a word. A rule takes a word's probability away; the
others' are not made larger for it.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from issuesum.serving.inference.graphs import Floats, RowNumbers
from issuesum.serving.inference.rules import CUT_OFF, TitleRules
from issuesum.text.vocabulary import Ids

Doubles = npt.NDArray[np.float64]

_FEW = 0.75
"""Rows that are done are left out when no larger share goes on: copying states has its price."""


class Hypothesis(NamedTuple):
    """A way to write a title."""

    ids: list[int]
    """Of its words, without marks."""
    score: float
    """Log-probability, normalised by length; higher is better."""


class Scorer[S](Protocol):
    """A model, as a search sees it; S is its state, one row a hypothesis."""

    def step(self, previous: Ids, state: S) -> tuple[Floats, S]:
        """Return log-probabilities (rows, outputs), to be overwritten, and the next state."""

    def expand(self, state: S, rows: RowNumbers) -> S:
        """Return the state of these rows: more, fewer or others than before."""

    def reorder(self, state: S, rows: RowNumbers) -> S:
        """Return the state of these rows, each a row of the body that stands in its place."""


def beam[S](
    scorer: Scorer[S], state: S, rules: TitleRules, *, keep: int = 1
) -> list[list[Hypothesis]]:
    """Follow the `beam_width` best beginnings of each row, all rows at once; 1 is greedy search.

    At every step the best continuations are chosen, as many as the beam is wide; those that end
    are set aside and the others go on. A row is done when none goes on, or none that does can beat
    the worst that is kept. Of equal scores the better beginning wins, then the lower id.

    Args:
        scorer: the model.
        state: its first state, `rules.rows` rows.
        rules: which words may come next.
        keep: hypotheses wanted; the best do not depend on it, the time does.

    Returns:
        For each row up to `keep` hypotheses, the best first; none if the rules leave no word.
    """
    width, exponent = rules.settings.beam_width, rules.settings.length_penalty
    rows = np.arange(rules.rows)  # those that are searched, by their number in the batch
    ended: list[list[Hypothesis]] = [[] for _ in rows]
    kept = np.full((rules.rows, keep), -np.inf)  # scores of the best of these, best first
    previous = np.full(rules.rows, rules.start, np.int32)
    history = np.empty((rules.rows, 1, 0), np.int32)
    totals = np.zeros((rules.rows, 1))
    for length in range(1, rules.steps + 1):
        log_probs, state = scorer.step(previous, state)
        rules.enforce(log_probs, history.reshape(len(previous), length - 1))
        slots = history.shape[1]
        totals, parents, words = _best(totals, log_probs, width)
        history = history[np.arange(len(rows))[:, None], parents]
        ends = (words == rules.end) & (totals > -np.inf)
        if ends.any():
            scores = np.where(ends, totals, -np.inf) / length**exponent
            kept[rows] = -np.sort(-np.hstack([kept[rows], scores]), axis=1)[:, :keep]
            for row, slot in np.argwhere(ends):
                ids, score = history[row, slot].tolist(), float(scores[row, slot])
                ended[rows[row]].append(Hypothesis(ids, score))
            totals[ends] = -np.inf
        # No log-probability is above 0, so what goes on ends best at full length and at no cost.
        cost = CUT_OFF if length == rules.settings.max_words else 0
        open_ = (totals.max(axis=1) + cost) / rules.steps**exponent > kept[rows, -1]
        if not open_.any():
            break
        history = np.concatenate([history, words[:, :, None]], axis=2)
        totals[~open_] = -np.inf
        taken = parents + slots * np.arange(len(rows))[:, None]
        if few := open_.mean() <= _FEW:
            rows, rules, taken = rows[open_], rules.take(open_), taken[open_]
            words, history, totals = words[open_], history[open_], totals[open_]
        gather = scorer.expand if few or words.shape[1] != slots else scorer.reorder
        state = gather(state, taken.ravel())
        previous = words.ravel()
    return [sorted(of_row, key=lambda found: -found.score)[:keep] for of_row in ended]


def _best(totals: Doubles, log_probs: Floats, width: int) -> tuple[Doubles, RowNumbers, Ids]:
    """Choose the best continuations of each row: `totals` (rows, slots) are of its beginnings.

    `log_probs` (rows x slots, outputs) is overwritten. Returns log-probabilities, the slots that
    are continued and the words, each (rows, width) or as many as there are, best first.
    """
    rows, slots = totals.shape
    every = np.arange(rows * slots)
    count = min(width, log_probs.shape[1])
    values = np.empty((rows * slots, count), np.float32)
    ids = np.empty((rows * slots, count), np.int32)
    # A few times argmax is 30 times as fast as numpy 1.26's argpartition, and prefers lower ids.
    for place in range(count):
        ids[:, place] = chosen = log_probs.argmax(axis=1)
        values[:, place] = log_probs[every, chosen]
        log_probs[every, chosen] = -np.inf
    pool = (totals[:, :, None] + values.reshape(rows, slots, count)).reshape(rows, -1)
    best = np.argsort(-pool, axis=1, kind="stable")[:, :width]
    # Not take_along_axis, which takes as long as the rest of the search.
    row = np.arange(rows)[:, None]
    return pool[row, best], best // count, ids.reshape(rows, -1)[row, best]
