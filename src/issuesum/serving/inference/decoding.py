"""From next-word scores to titles: what every strategy shares, and the greedy one.

Strategies see one step function and know nothing of any model. A title's score is the sum of its
words' log-probabilities over its length to the power of `length_penalty`, the end mark counted as
a word. A rule takes a word's chance away; the others' are not made larger for it.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from issuesum.serving.inference.graphs import Floats, Rows
from issuesum.serving.inference.rules import Rules
from issuesum.text.vocabulary import PADDING, Ids

Scores = npt.NDArray[np.float64]


class Hypothesis(NamedTuple):
    """A way to write a title.

    Attributes:
        ids: of its words, without marks.
        score: log-probability, normalised by length; higher is better.
    """

    ids: list[int]
    score: float


class Scorer[S](Protocol):
    """A model, as strategies see it; S is its state, one row a hypothesis."""

    def step(self, previous: Ids, state: S) -> tuple[Floats, S]:
        """Return log-probabilities (rows, outputs), to be overwritten, and the next state."""

    def expand(self, state: S, rows: Rows) -> S:
        """Return the state of these rows: more, fewer or others than before."""

    def reorder(self, state: S, rows: Rows) -> S:
        """Return the state of these rows, each a row of the body that stands in its place."""


def greedy[S](
    scorer: Scorer[S],
    state: S,
    rules: Rules,
    *,
    keep: int = 1,  # noqa: ARG001 -- one way is all it knows
) -> list[list[Hypothesis]]:
    """Take the most probable word at every step; of equal ones that with the lowest id.

    Args:
        scorer: the model.
        state: its first state, `rules.rows` rows.
        rules: what must not be said.
        keep: as in `beam`.

    Returns:
        One hypothesis for each row, or none if the rules leave no word.
    """
    every = np.arange(rules.rows)
    previous = np.full(rules.rows, rules.start, np.int32)
    history = np.empty((rules.rows, 0), np.int32)
    totals, lengths = np.zeros(rules.rows), np.zeros(rules.rows)
    running = np.ones(rules.rows, bool)
    for _ in range(rules.steps):
        log_probs, state = scorer.step(previous, state)
        rules.enforce(log_probs, history)
        previous = log_probs.argmax(axis=1).astype(np.int32)
        totals += np.where(running, log_probs[every, previous], 0)
        lengths += running
        history = np.column_stack([history, np.where(running, previous, PADDING)])
        running &= previous != rules.end
        if not running.any():
            break
    scores = totals / lengths**rules.settings.length_penalty
    return hypotheses(history[:, None], scores[:, None], rules.end)


def hypotheses(history: Ids, scores: Scores, end: int) -> list[list[Hypothesis]]:
    """Return arrays (rows, hypotheses, ids) and (rows, hypotheses) as lists; -inf is left out."""
    return [
        [
            Hypothesis([index for index in ids if index not in (PADDING, end)], score)
            for ids, score in zip(of_row, scores_of_row, strict=True)
            if score != -np.inf
        ]
        for of_row, scores_of_row in zip(history.tolist(), scores.tolist(), strict=True)
    ]
