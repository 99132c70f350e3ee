"""The 2018 example's model in plain Keras: trained by `fit` at full width, queried word by word.

Its layers are those of `issuesum.training.model.architectures.seq2seq`. Rows are not sorted by
length and padding is not masked, as there.
"""

import time
from collections.abc import Iterator, Sequence

import keras
import numpy as np


def create(
    *, body_size: int, body_maxlen: int, title_size: int, embedding_dim: int, hidden_units: int
) -> keras.Model:
    """Return a compiled model of bodies and of the words before those that it scores."""
    layers = keras.layers
    body = keras.Input((body_maxlen,), dtype="int32")
    embedded = layers.BatchNormalization()(layers.Embedding(body_size, embedding_dim)(body))
    state = layers.GRU(hidden_units, reset_after=False)(embedded)
    previous = keras.Input((None,), dtype="int32")
    embedded = layers.BatchNormalization()(layers.Embedding(title_size, embedding_dim)(previous))
    decoder = layers.GRU(hidden_units, reset_after=False, return_sequences=True)
    outputs = layers.BatchNormalization()(decoder(embedded, initial_state=state))
    words = layers.Dense(title_size, activation="softmax")(outputs)
    model = keras.Model([body, previous], words)
    model.compile(keras.optimizers.Nadam(1e-3), loss="sparse_categorical_crossentropy")
    return model


def write_titles(bodies: Sequence[str]) -> Iterator[float]:
    """Write a title for each body as the example did, and yield the seconds of each.

    The encoder's `predict` once, then the decoder's for every word, at the example's sizes. The
    weights are random, so a title is as long as may be; the first one, with which TensorFlow makes
    its graphs, is not counted.
    """
    layers, size = keras.layers, {"body": 8000, "title": 4500, "units": 300, "places": 70}
    body = keras.Input((size["places"],), dtype="int32")
    embedded = layers.BatchNormalization()(layers.Embedding(size["body"], size["units"])(body))
    encoder = keras.Model(body, layers.GRU(size["units"], reset_after=False)(embedded))
    previous = keras.Input((1,), dtype="int32")
    state = keras.Input((size["units"],))
    embedded = layers.BatchNormalization()(layers.Embedding(size["title"], size["units"])(previous))
    decoder = layers.GRU(size["units"], reset_after=False, return_sequences=True, return_state=True)
    outputs, after = decoder(embedded, initial_state=state)
    words = layers.Dense(size["title"], activation="softmax")(layers.BatchNormalization()(outputs))
    step = keras.Model([previous, state], [words, after])
    draw = np.random.default_rng(0)
    for number in range(len(bodies) + 1):
        ids = draw.integers(2, size["body"], (1, size["places"])).astype(np.int32)
        begun = time.perf_counter()
        hidden = encoder.predict(ids, verbose=0)
        word = np.full((1, 1), 2, np.int32)
        for _ in range(11):
            scores, hidden = step.predict([word, hidden], verbose=0)
            word = scores.argmax(-1).astype(np.int32)
        if number:
            yield time.perf_counter() - begun
