"""Every rule means in a graph what it means outside of one."""

from __future__ import annotations

import numpy as np
import pytest

from issuesum.serving.inference.decoding import beam
from issuesum.serving.inference.rules import Decoding, TitleRules

pytestmark = pytest.mark.slow  # TensorFlow takes 10 seconds to load

SIZE, OWN, ROWS, WORDS = 9, 3, 40, 6


class Tables:
    """A model whose scores depend on the row, the step and the word before, for both sides."""

    def __init__(self, seed: int, outputs: int) -> None:
        logits = np.random.default_rng(seed).integers(0, 9, (WORDS + 1, ROWS, SIZE + OWN, outputs))
        self.log_probs = (logits - np.log(np.exp(logits).sum(-1, keepdims=True))).astype(np.float32)

    def encode(self, body, body_extended):  # noqa: ARG002
        return {"step": 0, "rows": np.arange(ROWS)}

    def step(self, previous, state):
        scores = self.log_probs[state["step"], state["rows"], np.asarray(previous)]
        return scores, {**state, "step": state["step"] + 1}


class Search:
    """The same as the search sees it."""

    def __init__(self, model: Tables) -> None:
        self.model = model

    def step(self, previous, state):
        log_probs, state = self.model.step(previous, state)
        return np.exp(log_probs), state

    def take(self, state, rows):
        return {**state, "rows": state["rows"][rows]}


@pytest.mark.parametrize("min_words", [1, 3])
@pytest.mark.parametrize("no_repeat", [0, 1, 2, 3])
@pytest.mark.parametrize("copies", [True, False])
def test_titles_and_scores_are_those_of_greedy(
    copies: bool, no_repeat: int, min_words: int
) -> None:
    import tensorflow as tf

    from issuesum.training.bundle.saved_model import title_graph

    # How many own words a row has: none to all.
    draw = np.random.default_rng(5)
    there = np.arange(OWN) < draw.integers(0, OWN + 1, (ROWS, 1))
    body_extended = np.where(there, SIZE + np.arange(OWN), 4).astype(np.int32)
    rules = TitleRules(
        start=2, end=3, forbidden=(0, 1, 2, 5), size=SIZE,
        own=there,
        settings=Decoding(1, 0.9, min_words, WORDS, no_repeat),
    )  # fmt: skip
    model = Tables(no_repeat, SIZE + OWN if copies else SIZE)
    answer = title_graph(model, rules)(body_extended, tf.constant(body_extended))  # type: ignore[arg-type]
    expected = beam(Search(model), model.encode(None, None), rules)
    found = [row[row != 0].tolist() for row in answer["title_ids"].numpy()]
    assert found == [best.ids for (best,) in expected]
    scores = [best.score for (best,) in expected]
    np.testing.assert_allclose(answer["scores"].numpy(), scores, rtol=1e-5)


def test_rules_that_leave_no_word_leave_no_title() -> None:
    import tensorflow as tf

    from issuesum.training.bundle.saved_model import title_graph

    rules = TitleRules(
        start=2, end=3, forbidden=(0, 1, 2, *range(4, SIZE)), size=SIZE,
        own=np.zeros((ROWS, OWN), bool), settings=Decoding(1, 1.0, 1, WORDS, 2),
    )  # fmt: skip
    body = np.full((ROWS, OWN), 4, np.int32)
    model = Tables(0, SIZE + OWN)
    answer = title_graph(model, rules)(body, tf.constant(body))  # type: ignore[arg-type]
    assert beam(Search(model), model.encode(None, None), rules) == [[]] * ROWS
    assert not answer["title_ids"].numpy().any()
    assert (answer["scores"].numpy() == -np.inf).all()
