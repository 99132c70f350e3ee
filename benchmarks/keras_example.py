"""The 2018 example's model in plain Keras: trained by `fit` at full width, queried word by word.

Its layers are those of our `seq2seq`. As there, rows are unsorted and padding is not masked.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers


def create(
    *, body_size: int, body_maxlen: int, title_size: int, embedding_dim: int, hidden_units: int
) -> keras.Model:
    """Return a compiled model of bodies and of the words before those that it scores."""
    body, state = _encoder(body_size, body_maxlen, embedding_dim, hidden_units)
    previous = keras.Input((None,), dtype="int32")
    words, _ = _decoder(previous, state, title_size, embedding_dim, hidden_units)
    model = keras.Model([body, previous], words)
    model.compile(keras.optimizers.Nadam(1e-3), loss="sparse_categorical_crossentropy")
    return model


def _encoder(size: int, maxlen: int, width: int, units: int) -> tuple[Any, Any]:
    """Return the input and the state after it."""
    body = keras.Input((maxlen,), dtype="int32")
    embedded = layers.BatchNormalization()(layers.Embedding(size, width)(body))
    return body, layers.GRU(units, reset_after=False)(embedded)


def _decoder(previous: Any, state: Any, size: int, width: int, units: int) -> list[Any]:  # noqa: ANN401
    """Return probabilities of the next words, and the state after them."""
    embedded = layers.BatchNormalization()(layers.Embedding(size, width)(previous))
    gru = layers.GRU(units, reset_after=False, return_sequences=True, return_state=True)
    outputs, after = gru(embedded, initial_state=state)
    return [layers.Dense(size, activation="softmax")(layers.BatchNormalization()(outputs)), after]


def write_titles(bodies: Sequence[str]) -> Iterator[float]:
    """Write a title for each body as the example did, and yield the seconds of each.

    The encoder's `predict` once, then the decoder's for every word, at the example's sizes. The
    weights are random, so a title is as long as may be; the first one, with which TensorFlow makes
    its graphs, is not counted.
    """
    encoder = keras.Model(*_encoder(8000, 70, 300, 300))
    inputs = keras.Input((1,), dtype="int32"), keras.Input((300,))
    step = keras.Model([*inputs], _decoder(*inputs, 4500, 300, 300))
    draw = np.random.default_rng(0)
    for number in range(len(bodies) + 1):
        ids = draw.integers(2, 8000, (1, 70)).astype(np.int32)
        begun = time.perf_counter()
        hidden = encoder.predict(ids, verbose=0)
        word = np.full((1, 1), 2, np.int32)
        for _ in range(11):
            scores, hidden = step.predict([word, hidden], verbose=0)
            word = scores.argmax(-1).astype(np.int32)
        if number:
            yield time.perf_counter() - begun
