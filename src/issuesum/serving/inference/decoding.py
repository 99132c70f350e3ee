"""From next-word scores to titles: beam search over one step function, whatever the model.

A title's score is the sum of its words' log-probabilities over its length to the power of
`length_penalty`, the end mark counted as a word. A rule takes a word's probability away; the
others' are not made larger for it.
"""

from bisect import insort
from collections.abc import Iterator
from heapq import merge
from itertools import islice
from math import log
from typing import NamedTuple, Protocol

import numpy as np

from issuesum.serving.inference.graphs import Floats, RowNumbers
from issuesum.serving.inference.rules import CUT_OFF, TitleRules
from issuesum.text.vocabulary import Ids


class Hypothesis(NamedTuple):
    """A way to write a title."""

    ids: list[int]  # of its words, without marks
    score: float  # log-probability, normalised by length; higher is better


class _Beginning(NamedTuple):
    total: float  # log-probability
    ids: tuple[int, ...]
    row: int  # where the state is, of which it goes on


class Scorer[S](Protocol):
    """A model, as a search sees it; S is its state, one row a hypothesis."""

    def step(self, previous: Ids, state: S) -> tuple[Floats, S]:
        """Return probabilities (rows, outputs), to be overwritten, and the next state."""

    def take(self, state: S, rows: RowNumbers) -> S:
        """Return the state of these rows: more, fewer or others than before."""


def beam[S](
    scorer: Scorer[S], state: S, rules: TitleRules, *, keep: int = 1
) -> list[list[Hypothesis]]:
    """Return for each row up to `keep` hypotheses, the best first; none if no word is allowed.

    The `beam_width` best beginnings of each row are followed, all rows at once; 1 is greedy search.
    At every step the best continuations are chosen, as many as the beam is wide; those that end
    are set aside, and of the others those go on that can still beat the worst that is kept. Of
    equal scores the better beginning wins, then the lower id. The best hypotheses do not depend on
    `keep`, the time does. `state` is the scorer's first, one row a body.
    """
    width, exponent = rules.settings.beam_width, rules.settings.length_penalty
    ended: list[list[Hypothesis]] = [[] for _ in rules.own]
    going = [[_Beginning(0.0, (), row)] for row in range(len(rules.own))]
    for length in range(1, rules.steps):
        previous = [ids[-1] if ids else rules.start for of in going for _, ids, _ in of]
        probabilities, state = scorer.step(np.array(previous, np.int32), state)
        rows: list[int] = []  # of the state, those that go on
        for body, (beginnings, done) in enumerate(zip(going, ended, strict=True)):
            found = [_grow(one, probabilities[one.row], rules, body) for one in beginnings]
            best = list(islice(merge(*found), width))
            for cost, _, word, ids in best:
                if word == rules.end:
                    _set_aside(done, ids, -cost / length**exponent)
            least = rules.least(done[keep - 1].score, length) if len(done) >= keep else -np.inf
            going[body] = []
            for cost, row, word, ids in best:
                if word != rules.end and -cost > least:
                    going[body].append(_Beginning(-cost, (*ids, word), len(rows)))
                    rows.append(row)
        if not rows:
            break
        state = scorer.take(state, np.array(rows))
    for body, beginnings in enumerate(going):
        for total, ids, _ in beginnings:
            _set_aside(ended[body], ids, (total + CUT_OFF) / rules.steps**exponent)
    return [done[:keep] for done in ended]


def _set_aside(done: list[Hypothesis], ids: tuple[int, ...], score: float) -> None:
    insort(done, Hypothesis(list(ids), score), key=lambda one: -one.score)


def _grow(
    beginning: _Beginning, probabilities: Floats, rules: TitleRules, body: int
) -> Iterator[tuple[float, int, int, tuple[int, ...]]]:
    """Yield log-probability, negated, row, next word and ids of what goes on, the best first.

    `probabilities` (outputs,) are overwritten. A search wants few words of each beginning, for
    which `argmax` is 10 times as fast as onnxruntime's TopK, 30 times as numpy's argpartition.
    """
    total, ids, row = beginning
    while (probability := probabilities.item(word := int(probabilities.argmax()))) > 0:
        probabilities[word] = 0
        if word not in rules.never[body] and not rules.forbids(word, ids):
            yield -total - log(probability), row, word, ids
