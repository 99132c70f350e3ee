"""Where a model looks while it writes a title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from issuesum.serving.inference.graphs import Floats, Graphs, State


@dataclass(frozen=True)
class Attention:
    """What was written, what was read for it, and how much each word drew on each that was read.

    Attributes:
        title: words written, the end mark left out.
        body: words read.
        weights: float32 (title words, body words), each row sums to 1: the chance of each place of
            the body if the word is copied.
    """

    title: tuple[str, ...]
    body: tuple[str, ...]
    weights: Floats


def weigh(graphs: Graphs, state: State, ids: Sequence[int], *, start: int, places: int) -> Floats:
    """Return the attention under which a title is written, float32 (len(ids), places).

    Args:
        graphs: of an architecture that has attention.
        state: of `Graphs.encode` for one body.
        ids: extended ids of the title.
        start: id that stands before the first word.
        places: words of the body.
    """
    rows = []
    for previous in (start, *ids[:-1]):
        attention, state = graphs.look(np.array([previous], np.int32), state)
        rows.append(attention[0, :places])
    return np.stack(rows)
