"""Greedy decoding inside a TensorFlow graph: what `inference.decoding.greedy` does outside of one.

The steps are unrolled, so how many words there are is known while the graph is made, and each rule
of `inference.rules` is a few operations on ids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from issuesum.serving.inference.rules import TitleRules
from issuesum.text.vocabulary import PADDING
from issuesum.training.model.interface import TitleModel

TITLE_IDS = "title_ids"
SCORES = "scores"

type WriteTitles = Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]
"""`body` and `body_extended`, both int32 (batch, body_maxlen), to `title_ids`, int32 (batch, steps)
with padding behind the last word, and `scores`, float32 (batch,)."""


def title_graph(model: TitleModel, rules: TitleRules) -> WriteTitles:
    """Return a function that writes titles, to be traced.

    Args:
        model: built and loaded.
        rules: what must not be said. Its `masked` is not looked at: of each row's own words those
            are allowed whose ids `body_extended` holds.
    """

    def write(body: tf.Tensor, body_extended: tf.Tensor) -> dict[str, tf.Tensor]:
        state = model.encode(body, body_extended)
        previous = tf.fill(tf.shape(body)[:1], rules.start)
        running = tf.ones_like(previous, tf.bool)
        totals, lengths = (tf.zeros_like(previous, tf.float32) for _ in range(2))
        history: list[tf.Tensor] = []
        for _ in range(rules.steps):
            log_probs, changed = model.step(previous, state)
            state = {name: changed.get(name, tensor) for name, tensor in state.items()}
            masked = _masked(body_extended, history, log_probs.shape[-1], rules)
            log_probs = tf.where(masked, -np.inf, log_probs)
            previous = tf.argmax(log_probs, axis=1, output_type=tf.int32)
            totals += tf.where(running, tf.gather(log_probs, previous, batch_dims=1), 0.0)
            lengths += tf.cast(running, tf.float32)
            history.append(tf.where(running, previous, PADDING))
            running &= previous != rules.end
        ids = tf.stack(history, axis=1)
        scores = totals / lengths**rules.settings.length_penalty
        # The end mark is no word; and where the rules leave no word there is no title.
        words = (ids != rules.end) & (scores > -np.inf)[:, None]
        return {TITLE_IDS: tf.where(words, ids, PADDING), SCORES: scores}

    return write


def _masked(
    body_extended: tf.Tensor, history: Sequence[tf.Tensor], outputs: int, rules: TitleRules
) -> tf.Tensor:
    """Return bool (batch, outputs): what must not come next.

    Args:
        body_extended: int32 (batch, body_maxlen).
        history: what the titles say so far, an int32 (batch,) for each word.
        outputs: ids that the model scores.
        rules: what must not be said.
    """
    never = np.zeros(rules.size, bool)
    never[list(rules.forbidden)] = True
    never[rules.end] = len(history) < rules.settings.min_words
    own = tf.range(rules.size, outputs)
    absent = ~tf.reduce_any(body_extended[:, :, None] == own, axis=1)
    shared = tf.broadcast_to(never, (tf.shape(absent)[0], rules.size))
    masked = tf.concat([shared, absent], axis=1)
    if history and rules.settings.no_repeat:
        again = _again(tf.stack(history, axis=1), rules.settings.no_repeat)
        told = tf.one_hot(again, outputs, on_value=True, off_value=False)
        masked |= tf.reduce_any(told, axis=1)
    return masked


def _again(history: tf.Tensor, repeat: int) -> tf.Tensor:
    """Return int32 (batch, some), ids that would repeat what was said; -1 is none.

    Args:
        history: int32 (batch, words), at least one.
        repeat: so many words in a row are said once, and no word twice running.
    """
    last = history[:, -1:]
    places = history.shape[1] - repeat + 1
    if places < 1:
        return last
    # What followed the last words where they stood before must not follow them again.
    same = tf.ones_like(history[:, :places], tf.bool)
    for word in range(repeat - 1):
        same &= history[:, word : word + places] == history[:, places + word, None]
    return tf.concat([last, tf.where(same, history[:, repeat - 1 :], -1)], axis=1)
