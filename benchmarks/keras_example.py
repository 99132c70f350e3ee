"""The 2018 example's model in plain Keras, to be trained by `fit` at full width.

Its layers are those of `issuesum.model.architectures.seq2seq`. Rows are not sorted by length and
padding is not masked, as there.
"""

from __future__ import annotations

import keras


def create(
    *, body_size: int, body_maxlen: int, title_size: int, embedding_dim: int, hidden_units: int
) -> keras.Model:
    """Return a compiled model that takes bodies and the words before those that it shall score.

    Args:
        body_size: ids of a body, padding and unknown included.
        body_maxlen: ids a body.
        title_size: ids of a title.
        embedding_dim: width of a word.
        hidden_units: width of the GRUs.
    """
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
