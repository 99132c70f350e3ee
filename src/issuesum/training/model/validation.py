"""How well a model does on rows that it does not learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from issuesum.text.features import Features
from issuesum.text.vocabulary import PADDING, UNKNOWN, Ids
from issuesum.training.model.batches import learnt
from issuesum.training.model.distribution import Arrays
from issuesum.training.model.interface import Inputs, ModelConfig, create_model

type Score = Callable[[Sequence[Sequence[int]], Sequence[Sequence[int]]], float]
"""Written and true titles, as ids, to a mean score."""

_ROWS = 128
_NEVER = -1e9


class Validator:
    """Loss and score of a model on fixed rows."""

    def __init__(
        self, config: ModelConfig, rows: Features, *, start: int, end: int, score: Score
    ) -> None:
        """Make a model that is not distributed, whose weights come with each call.

        Args:
            config: shape of the model.
            rows: of the validation side.
            start: id that stands before the first word of a title.
            end: id that ends one.
            score: compares titles.
        """
        self._model = create_model(config)
        self._rows = rows
        self._start, self._end = start, end
        self._score = score
        self._batch_loss = tf.function(self._loss_of, reduce_retracing=True)
        self._batch_titles = tf.function(self._titles_of, reduce_retracing=True)

    def judge(self, weights: Arrays) -> tuple[float, float]:
        """Return the loss (nats a word, without smoothing or noise) and the score.

        Args:
            weights: in the order of `TitleModel.weights`.
        """
        self._model.set_weights(weights)
        return self._mean_loss(), self._mean_score()

    def _mean_loss(self) -> float:
        parts = [self._batch_loss(*_arrays(batch)) for batch in self._batches()]
        losses, words = np.sum([[float(part) for part in pair] for pair in parts], axis=0)
        return float(losses / max(1.0, words))

    def _mean_score(self) -> float:
        written = [
            row
            for batch in self._batches()
            for row in self._words(self._batch_titles(batch.body, batch.body_extended).numpy())
        ]
        true = self._rows.title_extended[:, 1:]
        # An unknown word is none that could have been written, so it must equal nothing.
        return self._score(written, self._words(np.where(true == UNKNOWN, -1, true)))

    def _batches(self) -> Iterator[Features]:
        for start in range(0, len(self._rows), _ROWS):
            yield self._rows.take(slice(start, start + _ROWS))

    def _words(self, titles: Ids) -> list[list[int]]:
        ends = (titles == self._end) | (titles == PADDING)
        lengths = np.where(ends.any(axis=1), ends.argmax(axis=1), titles.shape[1])
        return [row[:length].tolist() for row, length in zip(titles, lengths, strict=True)]

    def _loss_of(
        self, body: tf.Tensor, body_extended: tf.Tensor, title: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        inputs = Inputs(body, body_extended, title[:, :-1])
        target = title[:, 1:]
        weights = learnt(target)
        losses = self._model.losses(inputs, target, smoothing=0.0)
        return tf.reduce_sum(losses * weights), tf.reduce_sum(weights)

    def _titles_of(self, body: tf.Tensor, body_extended: tf.Tensor) -> tf.Tensor:
        """Write titles greedily, all steps in one graph: int32 (batch, steps)."""
        steps = self._rows.title.shape[1] - 1
        state = self._model.encode(body, body_extended)
        previous = tf.fill(tf.shape(body)[:1], self._start)
        titles = []
        for _ in range(steps):
            log_probs, changed = self._model.step(previous, state)
            state = {name: changed.get(name, tensor) for name, tensor in state.items()}
            outputs = log_probs.shape[-1]
            forbidden = tf.one_hot([PADDING, UNKNOWN, self._start], outputs, on_value=_NEVER)
            again = tf.one_hot(previous, outputs, on_value=_NEVER)
            scores = log_probs + tf.reduce_sum(forbidden, axis=0) + again
            previous = tf.argmax(scores, axis=-1, output_type=tf.int32)
            titles.append(previous)
        return tf.stack(titles, axis=1)


def _arrays(rows: Features) -> tuple[Ids, Ids, Ids]:
    return rows.body, rows.body_extended, rows.title_extended
