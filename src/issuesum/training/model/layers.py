"""Building blocks of architectures: recurrence over whole rows, and noise that can be repeated."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf


class Noise(NamedTuple):
    """Source of the random masks of one training step.

    A mask is a pure function of the seed and of a row's place in the global batch, so the noise is
    the same after a restart, and on one worker or on many (Salmon et al. 2011, counter-based random
    numbers, in TensorFlow's `stateless_uniform`).
    """

    seed: tf.Tensor  # int32 (2,), another one at each step
    row: tf.Tensor  # int32 (batch,), places of this replica's rows in the global batch
    rows: int  # of the global batch

    def kept(self, mask: int, width: int, rate: float) -> tf.Tensor:
        """Return bool (batch, width), each True with the probability `1 - rate`.

        Each use in a model has a `mask` number of its own.
        """
        seed = tf.random.experimental.stateless_fold_in(self.seed, mask)
        drawn = tf.random.stateless_uniform((self.rows, width), seed)
        return tf.gather(drawn, self.row) >= rate


def drop(values: tf.Tensor, mask: int, rate: float, noise: Noise | None) -> tf.Tensor:
    """Drop features of (batch, steps, width), the same at all steps of a row.

    Variational dropout: Gal and Ghahramani 2016, arXiv:1512.05287.
    """
    if noise is None or not rate:
        return values
    kept = tf.cast(noise.kept(mask, values.shape[-1], rate), values.dtype)
    return values * kept[:, None] / (1 - rate)


def gru_step(projected: tf.Tensor, hidden: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Return the next state of a GRU whose reset gate works behind the matrix product.

    Cho et al. 2014, arXiv:1406.1078, in the form that ONNX calls `linear_before_reset`. `projected`
    is (…, batch, 3 * units), the input times its kernel: update, reset, candidate; `hidden` is
    (…, batch, units) and `kernel` (…, units, 3 * units).
    """
    update, _, candidate, _ = _gates(projected, hidden, kernel)
    return update * hidden + (1 - update) * candidate


def _gates(projected: tf.Tensor, hidden: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Return the gates update and reset, the candidate, and the recurrent part of the latter."""
    units = hidden.shape[-1]
    recurrent = tf.matmul(hidden, kernel)
    gates = tf.sigmoid(projected[..., : 2 * units] + recurrent[..., : 2 * units])
    update, reset = gates[..., :units], gates[..., units:]
    recurrent = recurrent[..., 2 * units :]
    return update, reset, tf.tanh(projected[..., 2 * units :] + reset * recurrent), recurrent


@tf.custom_gradient  # type: ignore[untyped-decorator] # TensorFlow has no types
def gru_scan(
    projected: tf.Tensor, hidden: tf.Tensor, kernel: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, ...]]]:
    """Return the states of a GRU after each step, (steps, …, batch, units); see `gru_step`.

    `projected` is (steps, …, batch, 3 * units), `hidden` the first state. What need not wait for
    another step is done for all of them at once: by the caller the product of the inputs, and in
    the gradient all but what a state hands to the one before, after computing the gates again.
    """
    inputs = _array(projected)

    def forward(place: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        state = gru_step(inputs.read(place), state, kernel)
        return state, state

    steps = tf.shape(projected)[0]
    _, states = _scan(forward, hidden, steps)

    def gradient(of_states: tf.Tensor) -> tuple[tf.Tensor, ...]:
        before = tf.concat([hidden[None], states[:-1]], axis=0)
        update, reset, candidate, recurrent = _gates(projected, before, kernel)
        # Of a state by each gate's input, and by what the recurrence adds to the candidate's.
        by_candidate = (1 - update) * (1 - candidate * candidate)
        by_update = (before - candidate) * update * (1 - update)
        by_reset = by_candidate * recurrent * reset * (1 - reset)
        slopes = tf.concat([by_update, by_reset, by_candidate * reset], axis=-1)
        arrays = [_array(of) for of in (of_states, update, slopes)]

        def backward(done: tf.Tensor, later: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            of_state, update, slope = (array.read(steps - 1 - done) for array in arrays)
            of_state += later
            of_recurrent = tf.concat([of_state] * 3, axis=-1) * slope
            later = update * of_state + tf.matmul(of_recurrent, kernel, transpose_b=True)
            return later, of_state

        of_hidden, totals = _scan(backward, tf.zeros_like(hidden), steps)
        totals = totals[::-1]
        *of_gates, of_candidate = (totals * by for by in (by_update, by_reset, by_candidate))
        of_recurrent = tf.concat([*of_gates, of_candidate * reset], axis=-1)
        of_kernel = tf.einsum("t...bi,t...bj->...ij", before, of_recurrent)
        return tf.concat([*of_gates, of_candidate], axis=-1), of_hidden, of_kernel

    return states, gradient


def _array(values: tf.Tensor) -> tf.TensorArray:
    return tf.TensorArray(values.dtype, tf.shape(values)[0]).unstack(values)


def _scan(
    step: Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
    state: tf.Tensor,
    steps: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the last state, and what each call of `step` returned next to its state."""

    def body(
        done: tf.Tensor, state: tf.Tensor, outputs: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
        state, output = step(done, state)
        return done + 1, state, outputs.write(done, output)

    outputs = tf.TensorArray(state.dtype, steps, element_shape=state.shape)
    _, state, outputs = tf.while_loop(
        lambda done, *_: done < steps, body, (0, state, outputs), maximum_iterations=steps
    )
    return state, outputs.stack()


class GRU(keras.layers.Layer):  # type: ignore[misc] # keras has no types
    """A gated recurrent unit whose states are computed by `gru_scan`."""

    def __init__(self, units: int) -> None:
        """Make a layer of so many units."""
        super().__init__(name="gru")
        self.input_gates, shape = keras.layers.Dense(3 * units), (units, 3 * units)
        self.recurrent = self.add_weight(name="recurrent", shape=shape, initializer="orthogonal")

    def call(self, inputs: tf.Tensor, hidden: tf.Tensor | None = None) -> tf.Tensor:
        """Return the states (batch, steps, units) of inputs (batch, steps, width).

        `hidden` is the first state, (batch, units), or zeros.
        """
        projected = tf.transpose(self.input_gates(inputs), (1, 0, 2))
        recurrent = tf.cast(self.recurrent, projected.dtype)
        if hidden is None:
            hidden = tf.zeros((tf.shape(inputs)[0], recurrent.shape[0]), projected.dtype)
        return tf.transpose(gru_scan(projected, hidden, recurrent), (1, 0, 2))

    def step(self, inputs: tf.Tensor, hidden: tf.Tensor) -> tf.Tensor:
        """Return the next state (batch, units), float32, of inputs (batch, width)."""
        return gru_step(tf.cast(self.input_gates(inputs), tf.float32), hidden, self.recurrent)
