"""A pointer-generator that knows where the previous word stands in the body. The default.

The next word comes from a mixture of the title vocabulary and the words of the body (See et al.
2017, arXiv:1704.04368), which additive attention (Bahdanau et al. 2015, arXiv:1409.0473) reads.
Two inputs let it learn from a few thousand rows what otherwise takes hundreds of thousands: the
body at the places of the last word (Gu et al. 2016, arXiv:1603.06393), and hints to attention,
which places follow those and which words the title has. Unlike the coverage of See et al. these
depend on words alone, so that all steps are trained at once. Title words have one embedding (Press
and Wolf 2017, arXiv:1608.05859), to which the encoder adds one for words that no title holds.
"""

from functools import partial
from typing import NamedTuple

import keras
import tensorflow as tf

from issuesum.text.vocabulary import FIRST_WORD, PADDING, UNKNOWN
from issuesum.training.model.interface import Inputs, ModelConfig, TitleModel
from issuesum.training.model.layers import GRU, Noise, drop

_NEVER = -1e9
_TINY = 1e-12  # below every probability that matters; keeps logarithms finite
# Each use of noise in one step has a mask of its own.
_WORDS, _BODY, _MEMORY, _PREVIOUS, _READ, _QUERY, _OUTPUT = range(7)


class _Scores(NamedTuple):
    """Parts of the mixture, float32 (batch, steps, …)."""

    vocabulary: tf.Tensor  # logits (…, outputs) of words if none is copied
    attention: tf.Tensor  # probabilities (…, body_maxlen) of the body's places if one is copied
    generate: tf.Tensor  # logit (…, 1) of not copying


class Pointer(TitleModel):
    """Attention, and copying from the body."""

    def __init__(self, config: ModelConfig) -> None:
        """Make the layers."""
        super().__init__(name="pointer")
        layers = keras.layers
        self.config = config
        units, width = config.hidden_units, config.embedding_dim

        def weight(name: str, *shape: int, stddev: float = 0) -> tf.Tensor:
            around_zero = keras.initializers.RandomNormal(stddev=stddev)
            return self.add_weight(name=name, shape=shape, initializer=around_zero)

        # No layers, whose ids below 0, which count from the end, are eight nodes when exported.
        self.body_table = weight("body_table", config.body_size, width, stddev=0.1)
        self.title_table = weight("title_table", config.title_size, width, stddev=0.1)
        self.place_table = weight("place_table", config.body_maxlen, width, stddev=0.02)
        self.forward, self.backward = GRU(units), GRU(units)
        self.first_state = layers.Dense(units, activation="tanh")
        self.read = layers.Dense(width)
        self.decoder = GRU(units)
        self.key = layers.Dense(units, use_bias=False)
        self.query = layers.Dense(units)
        self.hints = layers.Dense(units, use_bias=False)
        self.energy = layers.Dense(1, use_bias=False)
        self.hint_energy = layers.Dense(1, use_bias=False)
        self.output_word = layers.Dense(width, activation="tanh")
        self.word_bias = weight("word_bias", config.title_size)
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
        generate, copy = (tf.squeeze(share, -1) for share in _shares(scores))
        chosen = tf.math.log(generate * generated + copy * copied + _TINY)
        size = self.config.title_size
        evenly = [0.0] * FIRST_WORD + [1 / (size - FIRST_WORD)] * (size - FIRST_WORD)
        evenly += [0.0] * self.config.body_maxlen
        evenly = tf.broadcast_to(tf.constant(evenly), tf.shape(scores.vocabulary))
        spread = tf.nn.softmax_cross_entropy_with_logits(evenly, scores.vocabulary)
        return smoothing * spread - (1 - smoothing) * chosen

    def encode(self, body: tf.Tensor, body_extended: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return what the decoder needs of bodies, with their words left-aligned.

        Shared are `words`, the extended ids of each place and of the one before it; `padding`, what
        attention adds; `keys`; and `read` and `context`, the encoder's states times the weights
        that every step would multiply them with. `body_number` is the body of a row, `hidden` the
        decoder's state, `written` whether the title has a place's word. The places are as many as
        the longest of the bodies has words, and one at least.
        """
        places = tf.reduce_max(tf.math.count_nonzero(body, axis=1, dtype=tf.int32))
        of_words = slice(-tf.maximum(places, 1), None)
        state = self._read_body(body[:, of_words], body_extended[:, of_words], None)
        words = state["words"]
        # Also under mixed precision: only layers cast their weights themselves.
        memory, keys, hidden = (
            tf.cast(state[of], tf.float32) for of in ("memory", "keys", "hidden")
        )
        is_padding = words == PADDING
        words -= tf.cast(is_padding, tf.int32)  # -1, which no word is
        before = tf.pad(words, ((0, 0), (1, 0)), constant_values=-1)[:, :-1]
        same = tf.cast(words[:, :, None] == words[:, None], tf.float32)
        kernel, _ = self._seen()
        units = self.config.hidden_units
        return {
            "shared_words": tf.stack([words, before], axis=1),
            "shared_padding": _NEVER * tf.cast(is_padding, tf.float32)[:, None],
            "shared_keys": keys,
            "shared_read": tf.matmul(memory, self.read.kernel) / tf.reduce_sum(same, -1)[..., None],
            "shared_context": tf.matmul(memory, kernel[units : 3 * units]),
            "body_number": tf.cumsum(tf.ones_like(words[:, 0]), exclusive=True),
            "hidden": hidden,
            "written": tf.zeros_like(words, tf.bool)[:, None],
        }

    def step(
        self, previous: tf.Tensor, state: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Score the next word; `attention` (batch, places) is left-aligned, as `words` are.

        This is `_score` of one word, as few and small operations of onnxruntime.
        """
        shared = {
            name: tf.gather(state[f"shared_{name}"], state["body_number"])
            for name in ("words", "padding", "keys", "read", "context")
        }
        here, follows = tf.split(previous[:, None, None] == shared["words"], 2, axis=1)
        read = tf.matmul(tf.cast(here, tf.float32), shared["read"])
        word = tf.gather(self.title_table, self._known(previous))
        given = tf.concat([word, tf.squeeze(read, 1) + self.read.bias], axis=-1)
        hidden = self.decoder.step(given, state["hidden"])
        held = here | state["written"]
        # Hints and query in one product: what is of the size of the keys takes most of the time.
        hints = tf.concat([follows, held, follows & ~held, here | ~here], axis=1)
        hints = tf.cast(hints, tf.float32)
        query = tf.cast(self.query(hidden), tf.float32)[:, None]
        weights = tf.concat([0 * query + self.hints.kernel, query], axis=1)
        mixed = tf.tanh(shared["keys"] + tf.matmul(hints, weights, transpose_a=True))
        # Transposed, because one row takes onnxruntime half the time of one column.
        energies = tf.matmul(tf.transpose(self.energy.kernel)[None], mixed, transpose_b=True)
        hint_energy = tf.pad(self.hint_energy.kernel, ((0, 1), (0, 0)))
        energies += tf.matmul(hint_energy, hints, transpose_a=True)
        attention = tf.nn.softmax(energies + shared["padding"])
        kernel, bias = self._seen()
        units = self.config.hidden_units
        kernel = tf.concat([kernel[:units], kernel[3 * units :]], axis=0)
        seen = tf.matmul(tf.concat([hidden, given], axis=-1), kernel) + bias
        seen += tf.squeeze(tf.matmul(attention, shared["context"]), 1)
        output, generate = tf.split(seen, [seen.shape[-1] - 1, 1], axis=1)
        attention = tf.squeeze(attention, 1)
        scores = _Scores(self._logits(tf.tanh(output)), attention, generate)
        words = tf.maximum(shared["words"][:, 0], PADDING) + 0 * previous[:, None]
        log_probs = self._mixture(scores, words)
        return log_probs, {"hidden": hidden, "written": held, "attention": attention}

    def _seen(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Return kernel and bias of what is made of the decoder's state, context and input."""
        layers = (self.output_word, self.generate)
        kernel = tf.concat([layer.kernel for layer in layers], axis=-1)
        return kernel, tf.concat([layer.bias for layer in layers], axis=-1)

    def _forced(self, inputs: Inputs, noise: Noise | None) -> tuple[_Scores, tf.Tensor]:
        state = self._read_body(inputs.body, inputs.body_extended, noise)
        return self._score(inputs.previous, state, noise), state["words"]

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
        embedded = tf.gather(self.body_table, as_body) + tf.gather(self.title_table, as_title)
        embedded += self.place_table[:places]
        embedded = self._drop(embedded, _BODY, noise)
        # Both directions begin at a word, so padding changes no state.
        reverse = partial(tf.reverse_sequence, seq_lengths=lengths, seq_axis=1)
        both = (self.forward(embedded), reverse(self.backward(reverse(embedded))))
        states = tf.concat(both, axis=-1)
        memory = self._drop(states, _MEMORY, noise)
        units = self.config.hidden_units
        last = tf.gather(states[..., :units], tf.maximum(lengths - 1, 0), batch_dims=1)
        hidden = self.first_state(tf.concat([last, states[:, 0, units:]], axis=-1))
        return {"words": words, "memory": memory, "keys": self.key(memory), "hidden": hidden}

    def _score(
        self, previous: tf.Tensor, state: dict[str, tf.Tensor], noise: Noise | None
    ) -> _Scores:
        """Score what follows each of `previous`, (batch, steps)."""
        words, memory = state["words"], state["memory"]
        is_word = words != PADDING
        here = (previous[:, :, None] == words[:, None]) & is_word[:, None]
        share = tf.cast(here, memory.dtype)
        share /= tf.maximum(tf.reduce_sum(share, axis=-1, keepdims=True), 1)
        read = self._drop(self.read(tf.matmul(share, memory)), _READ, noise)
        word = tf.cast(tf.gather(self.title_table, self._known(previous)), memory.dtype)
        given = tf.concat([self._drop(word, _PREVIOUS, noise), read], axis=-1)
        states = self.decoder(given, state["hidden"])
        held = tf.cumsum(tf.cast(here, tf.int32), axis=1) > 0
        follows = tf.pad(here, ((0, 0), (0, 0), (1, 0)))[:, :, :-1]
        hints = tf.cast(tf.stack([follows, held, follows & ~held], axis=-1), state["keys"].dtype)
        query = self.query(self._drop(states, _QUERY, noise))
        mixed = tf.tanh(state["keys"][:, None] + query[:, :, None] + self.hints(hints))
        energies = self.energy(mixed) + self.hint_energy(hints)
        energies = tf.cast(tf.squeeze(energies, -1), tf.float32)
        attention = tf.nn.softmax(tf.where(is_word[:, None], energies, _NEVER))
        context = tf.matmul(tf.cast(attention, memory.dtype), memory)
        seen = tf.concat([states, context, given], axis=-1)
        output = self._drop(self.output_word(seen), _OUTPUT, noise)
        generate = tf.cast(self.generate(seen), tf.float32)
        logits = self._logits(tf.reshape(output, (-1, output.shape[-1])))
        sizes = tf.concat([tf.shape(output)[:-1], [logits.shape[-1]]], 0)
        return _Scores(tf.reshape(logits, sizes), attention, generate)

    def _logits(self, output: tf.Tensor) -> tf.Tensor:
        """Return logits (rows, outputs) if no word is copied, of what is seen, (rows, width)."""
        size, more = self.config.title_size, self.config.body_maxlen
        # Room for a body's own words here: in the mixture it would be made anew at each step.
        table = tf.pad(self.title_table, ((0, more), (0, 0)))
        logits = tf.matmul(output, tf.cast(table, output.dtype), transpose_b=True)
        never = tf.constant([_NEVER] * FIRST_WORD + [0.0] * (size - FIRST_WORD) + [_NEVER] * more)
        bias = tf.cast(tf.pad(self.word_bias, ((0, more),)), tf.float32)
        return tf.cast(logits, tf.float32) + (bias + never)

    def _mixture(self, scores: _Scores, words: tf.Tensor) -> tf.Tensor:
        """Return log-probabilities (rows, outputs) of scores (rows, …) and words (rows, places)."""
        generate, copy = _shares(scores)
        generated = generate * tf.nn.softmax(scores.vocabulary)
        # Numbers of rows as sums, because shapes become dozens of nodes when exported.
        row = tf.cumsum(0 * words + 1, exclusive=True)
        index = tf.stack([row, words], axis=-1)
        mixed = tf.tensor_scatter_nd_add(generated, index, copy * scores.attention)
        return tf.math.log(mixed + _TINY)

    def _drop(self, values: tf.Tensor, mask: int, noise: Noise | None) -> tf.Tensor:
        return drop(values, mask, self.config.dropout, noise)


def _shares(scores: _Scores) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the probabilities (…, 1) of taking the vocabulary and of copying.

    A softmax, because a share of 1e-7 has to be right too: 1 minus the other loses it in float32,
    and onnxruntime's Sigmoid is off by up to 1e-7 (log-probabilities off by 0.3 from Keras).
    """
    logits = tf.concat([scores.generate, 0 * scores.generate], axis=-1)
    generate, copy = tf.split(tf.nn.softmax(logits), 2, axis=-1)
    return generate, copy


def create(config: ModelConfig) -> TitleModel:
    """Return an untrained model."""
    return Pointer(config)
