"""From next-word scores to a row of ids; knows nothing of any model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from issuesum.inference.graphs import Floats
from issuesum.text.vocabulary import PADDING, Ids

type Step[S] = Callable[[Ids, S], tuple[Floats, S]]


def greedy[S](
    step: Step[S],
    state: S,
    *,
    batch: int,
    start: int,
    end: int,
    steps: int,
    forbidden: Sequence[int],
) -> Ids:
    """Take the most probable word at every step.

    A title has at least one word: `end` is not taken first.

    Args:
        step: gives log-probabilities (batch, ids) and the next state.
        state: first state.
        batch: number of rows.
        start: id that stands before the first word.
        end: id that ends a row.
        steps: words at most.
        forbidden: ids that are never taken.

    Returns:
        int32 (batch, steps): the words of each row, then 0; `end` is not included.
    """
    previous = np.full(batch, start, np.int32)
    finished = np.zeros(batch, bool)
    titles = np.full((batch, steps), PADDING, np.int32)
    for place in range(steps):
        scores, state = step(previous, state)
        scores = scores.copy()
        scores[:, list(forbidden)] = -np.inf
        if place == 0:
            scores[:, end] = -np.inf
        previous = scores.argmax(axis=1).astype(np.int32)
        finished |= previous == end
        if finished.all():
            break
        titles[:, place] = np.where(finished, PADDING, previous)
    return titles
