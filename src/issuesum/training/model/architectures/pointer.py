"""A pointer-generator that knows where the previous word stands in the body. The default.

The next word comes from a mixture of the title vocabulary and the words of the body (See et al.
2017, arXiv:1704.04368). A bidirectional GRU reads the body, a GRU writes the title, additive
attention (Bahdanau et al. 2015, arXiv:1409.0473) joins them. Two inputs let it learn from a few
thousand rows what otherwise takes hundreds of thousands:

- The decoder reads the body at the places of the word that it wrote last (the selective read of
  CopyNet: Gu et al. 2016, arXiv:1603.06393).
- Attention has as hints which places follow those of the last word, and which words the title has
  already: continuing a phrase is one weight, not repeating words another. Unlike the coverage of
  See et al. these depend on the words alone, so that all steps are trained at once.

Words have one embedding as a title word, shared by encoder, decoder and output (Press and Wolf
2017, arXiv:1608.05859). The encoder adds one as a body word, for words that no title holds.
"""

from typing import NamedTuple

import keras
import tensorflow as tf

from issuesum.text.vocabulary import FIRST_WORD, PADDING, UNKNOWN
from issuesum.training.model.interface import Inputs, ModelConfig, TitleModel
from issuesum.training.model.layers import BidirectionalGRU, Noise, drop, gru_scan, gru_step

_NEVER = -1e9
_TINY = 1e-12  # below every probability that matters; keeps logarithms finite
# Each use of noise in one step has a mask of its own.
_WORDS, _BODY, _MEMORY, _PREVIOUS, _READ, _QUERY, _OUTPUT = range(7)


class _Scores(NamedTuple):
    """Parts of the mixture, float32 (batch, steps, …)."""

    vocabulary: tf.Tensor  # logits (…, title_size) of words if none is copied
    attention: tf.Tensor  # probabilities (…, body_maxlen) of the body's places if one is copied
    generate: tf.Tensor  # logit (…) of not copying


class Pointer(TitleModel):
    """Attention, and copying from the body."""

    def __init__(self, config: ModelConfig) -> None:
        """Make the layers."""
        super().__init__(name="pointer")
        layers = keras.layers
        self.config = config
        units, width = config.hidden_units, config.embedding_dim

        def embedding(size: int, stddev: float) -> keras.layers.Layer:
            around_zero = keras.initializers.RandomNormal(stddev=stddev)
            return layers.Embedding(size, width, embeddings_initializer=around_zero)

        self.body_embedding = embedding(config.body_size, 0.1)
        self.title_embedding = embedding(config.title_size, 0.1)
        self.place_embedding = embedding(config.body_maxlen, 0.02)
        self.encoder = BidirectionalGRU(units)
        self.first_state = layers.Dense(units, activation="tanh")
        self.read = layers.Dense(width)
        self.decoder_input = layers.Dense(3 * units)
        weight = self.add_weight
        self.decoder = weight(name="decoder", shape=(units, 3 * units), initializer="orthogonal")
        self.key = layers.Dense(units, use_bias=False)
        self.query = layers.Dense(units)
        self.hints = layers.Dense(units, use_bias=False)
        self.energy = layers.Dense(1, use_bias=False)
        self.hint_energy = layers.Dense(1, use_bias=False)
        self.output_word = layers.Dense(width, activation="tanh")
        self.word_bias = weight(name="word_bias", shape=(config.title_size,), initializer="zeros")
        self.generate = layers.Dense(1)

    def call(self, inputs: Inputs, *, noise: Noise | None = None) -> tf.Tensor:
        """Return log-probabilities (batch, steps, title_size + body_maxlen)."""
        scores, words = self._forced(inputs, noise)
        rows, steps = tf.unstack(tf.shape(inputs.previous))
        flat = (tf.reshape(of, tf.concat([[-1], tf.shape(of)[2:]], 0)) for of in scores)
        log_probs = self._mixture(_Scores(*flat), tf.repeat(words, steps, axis=0))
        return tf.reshape(log_probs, (rows, steps, log_probs.shape[-1]))

    def losses(
        self, inputs: Inputs, target: tf.Tensor, *, smoothing: float, noise: Noise | None = None
    ) -> tf.Tensor:
        """Return the loss at each place without spreading attention over all outputs.

        Smoothing is over the vocabulary: what can be copied is different in each row.
        """
        scores, words = self._forced(inputs, noise)
        there = tf.cast(words[:, None] == target[:, :, None], tf.float32)
        copied = tf.reduce_sum(scores.attention * there, axis=-1)
        known = self._known(target)
        # Not from `log_softmax`, whose gradient takes several passes over all words.
        generated = tf.exp(
            -tf.nn.sparse_softmax_cross_entropy_with_logits(known, scores.vocabulary)
        )
        generated = tf.where(known == target, generated, 0)
        generate, copy = _shares(scores)
        chosen = tf.math.log(generate * generated + copy * copied + _TINY)
        size = self.config.title_size
        evenly = [0.0] * FIRST_WORD + [1 / (size - FIRST_WORD)] * (size - FIRST_WORD)
        evenly = tf.broadcast_to(tf.constant(evenly), tf.shape(scores.vocabulary))
        spread = tf.nn.softmax_cross_entropy_with_logits(evenly, scores.vocabulary)
        return smoothing * spread - (1 - smoothing) * chosen

    def encode(self, body: tf.Tensor, body_extended: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return what the decoder needs of bodies.

        `words` are the extended ids, left-aligned; `memory` and `keys` the encoder's states of
        each; `hidden` is the decoder's first state, and `written` which words the title has so far.
        The places are as many as the longest of the bodies has words, and one at least.
        """
        places = tf.reduce_max(tf.math.count_nonzero(body, axis=1, dtype=tf.int32))
        of_words = slice(-tf.maximum(places, 1), None)
        state = self._read_body(body[:, of_words], body_extended[:, of_words], None)
        return {**state, "written": tf.zeros_like(state["words"], tf.bool)}

    def step(
        self, previous: tf.Tensor, state: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Score the next word; `attention` (batch, places) is left-aligned, as `words` are."""
        scores, hidden, written = self._score(previous[:, None], state, state["written"], None)
        scores = _Scores(*(tf.squeeze(of, 1) for of in scores))
        changed = {"hidden": hidden, "written": written, "attention": scores.attention}
        return self._mixture(scores, state["words"]), changed

    def _forced(self, inputs: Inputs, noise: Noise | None) -> tuple[_Scores, tf.Tensor]:
        state = self._read_body(inputs.body, inputs.body_extended, noise)
        scores, _, _ = self._score(inputs.previous, state, None, noise)
        return scores, state["words"]

    def _known(self, ids: tf.Tensor) -> tf.Tensor:
        # A table, because a comparison becomes eight nodes in the exported graph.
        size, more = self.config.title_size, self.config.body_maxlen
        return tf.gather(tf.constant([*range(size), *[UNKNOWN] * more]), ids)

    def _read_body(
        self, body: tf.Tensor, body_extended: tf.Tensor, noise: Noise | None
    ) -> dict[str, tf.Tensor]:
        places = tf.shape(body)[1]
        lengths = tf.reduce_sum(tf.cast(body != PADDING, tf.int32), axis=1)
        shift = (tf.range(places)[None] + (places - lengths)[:, None]) % places
        body = tf.gather(body, shift, batch_dims=1)
        words = tf.gather(body_extended, shift, batch_dims=1)
        as_body, as_title = body, self._known(words)
        if noise is not None and self.config.word_dropout:
            # Words that the vocabulary does not hold are common in new issues and rare in training.
            kept = noise.kept(_WORDS, self.config.body_maxlen, self.config.word_dropout)
            hidden = ~kept[:, :places] & (body != PADDING)
            as_body, as_title = (tf.where(hidden, UNKNOWN, of) for of in (as_body, as_title))
        embedded = self.body_embedding(as_body) + self.title_embedding(as_title)
        embedded += self.place_embedding(tf.range(places))[None]
        states = self.encoder(self._drop(embedded, _BODY, noise), lengths)
        memory = self._drop(states, _MEMORY, noise)
        units = self.config.hidden_units
        last = tf.gather(states[..., :units], tf.maximum(lengths - 1, 0), batch_dims=1)
        hidden = self.first_state(tf.concat([last, states[:, 0, units:]], axis=-1))
        return {"words": words, "memory": memory, "keys": self.key(memory), "hidden": hidden}

    def _score(
        self,
        previous: tf.Tensor,
        state: dict[str, tf.Tensor],
        written: tf.Tensor | None,
        noise: Noise | None,
    ) -> tuple[_Scores, tf.Tensor, tf.Tensor]:
        """Score what follows each of `previous`, (batch, steps).

        Without the words `written` so far, bool (batch, body_maxlen), the title is whole; with
        them, steps is 1. Returns the scores, the decoder's last state and the words written then.
        """
        words, memory = state["words"], state["memory"]
        is_word = words != PADDING
        here = (previous[:, :, None] == words[:, None]) & is_word[:, None]
        share = tf.cast(here, memory.dtype)
        share /= tf.maximum(tf.reduce_sum(share, axis=-1, keepdims=True), 1)
        dense = _dense if written is None else _exported_dense
        read = self._drop(dense(self.read, tf.matmul(share, memory)), _READ, noise)
        table = self.title_embedding.embeddings
        word = self._drop(
            tf.cast(tf.gather(table, self._known(previous)), memory.dtype), _PREVIOUS, noise
        )
        given = tf.concat([word, read], axis=-1)
        projected = dense(self.decoder_input, given)
        recurrent = tf.cast(self.decoder, projected.dtype)
        if written is None:
            states = gru_scan(tf.transpose(projected, (1, 0, 2)), state["hidden"], recurrent)
            hidden, states = states[-1], tf.transpose(states, (1, 0, 2))
            held = tf.cumsum(tf.cast(here, tf.int32), axis=1) > 0
        else:
            # One step: a loop over it would become a loop in the exported graph.
            hidden = gru_step(tf.squeeze(projected, 1), state["hidden"], recurrent)
            states = hidden[:, None]
            held = here | written[:, None]
        follows = tf.pad(here, ((0, 0), (0, 0), (1, 0)))[:, :, :-1]
        hints = tf.cast(tf.stack([follows, held, follows & ~held], axis=-1), state["keys"].dtype)
        query = dense(self.query, self._drop(states, _QUERY, noise))
        mixed = tf.tanh(state["keys"][:, None] + query[:, :, None] + self.hints(hints))
        energies = self.energy(mixed) + self.hint_energy(hints)
        energies = tf.cast(tf.squeeze(energies, -1), tf.float32)
        attention = tf.nn.softmax(tf.where(is_word[:, None], energies, _NEVER))
        context = tf.matmul(tf.cast(attention, memory.dtype), memory)
        seen = tf.concat([states, context, given], axis=-1)
        output = self._drop(dense(self.output_word, seen), _OUTPUT, noise)
        table = tf.cast(table, memory.dtype)
        # Of two axes, with which onnxruntime adds the bias on the way.
        flat = tf.reshape(output, (-1, output.shape[-1]))
        logits = tf.cast(tf.matmul(flat, table, transpose_b=True), tf.float32)
        no_words = tf.constant([_NEVER] * FIRST_WORD + [0.0] * (logits.shape[-1] - FIRST_WORD))
        logits += tf.cast(self.word_bias, tf.float32) + no_words
        logits = tf.reshape(logits, tf.concat([tf.shape(output)[:-1], [logits.shape[-1]]], 0))
        generate = tf.squeeze(tf.cast(dense(self.generate, seen), tf.float32), -1)
        return _Scores(logits, attention, generate), hidden, held[:, -1]

    def _mixture(self, scores: _Scores, words: tf.Tensor) -> tf.Tensor:
        """Return log-probabilities (rows, outputs) of scores (rows, …) and words (rows, places)."""
        generate, copy = (share[:, None] for share in _shares(scores))
        to_add = ((0, 0), (0, self.config.body_maxlen))
        generated = tf.pad(generate * tf.nn.softmax(scores.vocabulary), to_add)
        # Numbers of rows as sums, because shapes become dozens of nodes when exported.
        row = tf.cumsum(0 * words + 1, exclusive=True)
        index = tf.stack([row, words], axis=-1)
        mixed = tf.tensor_scatter_nd_add(generated, index, copy * scores.attention)
        return tf.math.log(mixed + _TINY)

    def _drop(self, values: tf.Tensor, mask: int, noise: Noise | None) -> tf.Tensor:
        return drop(values, mask, self.config.dropout, noise)


def _dense(layer: keras.layers.Dense, values: tf.Tensor) -> tf.Tensor:
    return layer(values)


def _exported_dense(layer: keras.layers.Dense, values: tf.Tensor) -> tf.Tensor:
    """Do the same where all sizes but the batch are known; Keras would export shape arithmetic."""
    flat = layer(tf.reshape(values, (-1, values.shape[-1])))
    return tf.reshape(flat, (-1, *values.shape[1:-1], flat.shape[-1]))


def _shares(scores: _Scores) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the probabilities of taking the vocabulary and of copying.

    A softmax, because a share of 1e-7 has to be right too: 1 minus the other loses it in float32,
    and onnxruntime's Sigmoid is off by up to 1e-7 (log-probabilities off by 0.3 from Keras).
    """
    logits = tf.stack([scores.generate, 0 * scores.generate], axis=-1)
    generate, copy = tf.unstack(tf.nn.softmax(logits), axis=-1)
    return generate, copy


def create(config: ModelConfig) -> TitleModel:
    """Return an untrained model."""
    return Pointer(config)
