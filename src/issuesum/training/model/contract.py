"""Whether an architecture does what training and export ask of it, before it is trained.

What is wrong with a new one would otherwise show as TensorFlow's traceback at the first step, or
minutes later, when the graphs are compared with Keras.
"""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from issuesum.text.vocabulary import PADDING, UNKNOWN, Ids
from issuesum.training.model.batches import SIGNATURE
from issuesum.training.model.interface import (
    Inputs,
    ModelConfig,
    TitleModel,
    create_model,
    refused,
    running,
)
from issuesum.training.model.layers import Noise

Floats = npt.NDArray[np.float32]

_ROWS = 4
_TOLERANCE = 1e-3
_TAKEN = ("body", "body_extended", "log_probs", "previous")
"""Names of other inputs and outputs of the exported graphs."""


def check_architecture(config: ModelConfig) -> None:
    """Ask an untrained model of `config.arch` for a few titles, as training and export will.

    Raises:
        ParamsError: it fails, or what it answers is not what `TitleModel` says.
    """
    model = create_model(config)
    if not model.trainable_variables:
        raise refused(config.arch, "call", "use weights that can be trained", "none")
    inputs = _inputs(config)
    with running(config.arch, "call"):
        log_probs = model(inputs)
    _check_log_probs(config, log_probs)
    _check_steps(config, model, inputs, log_probs.numpy())
    # At the end: a layer that counts while it learns, BatchNormalization say, is another then.
    with running(config.arch, "losses"):
        _check_losses(config, model, inputs)


def state_specs(model: TitleModel, body_maxlen: int) -> dict[str, tf.TensorSpec]:
    """Return types and shapes of a built model's state, None for the batch and for axes that grow.

    `body_maxlen` is the number of ids of a body.
    """
    nothing = tf.zeros((1, body_maxlen), tf.int32)
    state = model.encode(nothing, nothing)
    _, changed = model.step(nothing[:, 0], state)
    specs = {}
    for name, tensor in state.items():
        sizes = zip(tensor.shape[1:], changed.get(name, tensor).shape[1:], strict=True)
        shape = (None, *(one if one == other else None for one, other in sizes))
        specs[name] = tf.TensorSpec(shape, tensor.dtype, name=name)
    return specs


def _inputs(config: ModelConfig) -> Inputs:
    """Return rows of every kind: full, short and empty bodies, own words in body and title."""
    draw = np.random.default_rng(0)

    def ids(columns: int, size: int) -> Ids:
        return draw.integers(UNKNOWN, size, (_ROWS, columns), np.int32)

    lengths = np.linspace(config.body_maxlen, 0, _ROWS).astype(int)
    padding = np.arange(config.body_maxlen) < config.body_maxlen - lengths[:, None]
    body = np.where(padding, PADDING, ids(config.body_maxlen, config.body_size))
    extended = np.where(padding, PADDING, ids(config.body_maxlen, config.title_size))
    previous = ids(config.title_maxlen - 1, config.title_size)
    extended[0, -1] = previous[0, -1] = config.title_size
    return Inputs(*(tf.constant(of, tf.int32) for of in (body, extended, previous)))


def _check_log_probs(config: ModelConfig, log_probs: tf.Tensor) -> None:
    steps, sizes = config.title_maxlen - 1, (config.title_size, config.body_maxlen)
    allowed = {(_ROWS, steps, sizes[0]), (_ROWS, steps, sum(sizes))}
    if tuple(log_probs.shape) not in allowed or log_probs.dtype != tf.float32:
        must = f"return float32 {' or '.join(map(str, sorted(allowed)))} for {_ROWS} rows"
        raise refused(config.arch, "call", must, _described(log_probs))
    values = log_probs.numpy()
    if not np.isfinite(values).all():
        place = "body without a word" if np.isfinite(values[:-1]).all() else "body"
        must = "return finite values for every body"
        raise refused(config.arch, "call", must, f"others for a {place}")
    sums = np.exp(values.astype(np.float64)).sum(axis=-1)
    if not np.allclose(sums, 1, atol=0.02):
        worst = sums.flat[np.abs(sums - 1).argmax()]
        must = "return log-probabilities, whose exponentials sum to 1 over the words"
        raise refused(config.arch, "call", must, f"a sum of {worst:.4g}")


def _check_losses(config: ModelConfig, model: TitleModel, inputs: Inputs) -> None:
    """Trace `losses` as training does: no size is known, and bodies are cut to the longest."""

    @tf.function(input_signature=SIGNATURE[:3])  # type: ignore[untyped-decorator] # has no types
    def losses(body: tf.Tensor, body_extended: tf.Tensor, previous: tf.Tensor) -> tf.Tensor:
        noise = Noise(tf.constant([0, 0]), tf.range(_ROWS), _ROWS)
        given = Inputs(body, body_extended, previous)
        return model.losses(given, previous, smoothing=0.1, noise=noise)

    shape = inputs.previous.shape
    for width in (config.body_maxlen, (config.body_maxlen + 1) // 2):
        found = losses(inputs.body[:, -width:], inputs.body_extended[:, -width:], inputs.previous)
        if found.shape != shape or not np.isfinite(found.numpy()).all():
            must = f"return finite float32 {tuple(shape)} for bodies of {width} words"
            raise refused(config.arch, "losses", must, _described(found))


def _check_steps(config: ModelConfig, model: TitleModel, inputs: Inputs, expected: Floats) -> None:
    arch = config.arch
    with running(arch, "encode"):
        state = model.encode(inputs.body, inputs.body_extended)
    _check_state(arch, "encode", state)
    with running(arch, "step"):
        answer: object = model.step(inputs.previous[:, 0], state)
    if not isinstance(answer, tuple):
        must = "return log-probabilities and a dict of what changed"
        raise refused(arch, "step", must, _described(answer))
    _check_state(arch, "step", answer[-1], state)
    specs = state_specs(model, config.body_maxlen)
    traced = tf.function(model.step, input_signature=[tf.TensorSpec((None,), tf.int32), specs])
    largest = 0.0
    for place in range(expected.shape[1]):
        with running(arch, "step"):
            log_probs, changed = traced(inputs.previous[:, place], state)
        if log_probs.shape != expected[:, place].shape or log_probs.dtype != tf.float32:
            must = f"return float32 {expected[:, place].shape} as call does for {_ROWS} rows"
            raise refused(arch, "step", must, _described(log_probs))
        state = {name: changed.get(name, of) for name, of in state.items()}
        gap = np.nan_to_num(np.abs(log_probs.numpy() - expected[:, place]), nan=np.inf)
        largest = max(largest, float(gap.max()))
    if largest > _TOLERANCE and keras.config.dtype_policy().compute_dtype == "float32":
        must = "say word by word what call says of the whole title"
        received = f"log-probabilities that differ by up to {largest:.3g}"
        raise refused(arch, "encode and step", must, received)


def _check_state(
    arch: str, part: str, state: object, before: Mapping[str, tf.Tensor] | None = None
) -> None:
    """Refuse what is no batch of `_ROWS` rows of named tensors.

    `step`, which is given the state `before`, may also return outputs to look at.
    """
    if not isinstance(state, Mapping):
        raise refused(arch, part, "return tensors by name, in a dict", _described(state))
    taken = {*_TAKEN, *(f"next_{name}" for name in before or state)}
    for name, tensor in state.items():
        if not name or name in taken:
            must = f"use other names of tensors than {', '.join(sorted(taken))}"
            raise refused(arch, part, must, repr(name))
        if not tf.is_tensor(tensor) or not tensor.shape.rank or tensor.shape[0] != _ROWS:
            must = f"return {name} with the batch as its first axis, {_ROWS} rows here"
            raise refused(arch, part, must, _described(tensor))
        old = (before or {}).get(name, tensor)
        if tensor.dtype != old.dtype or tensor.shape.rank != old.shape.rank:
            must = f"leave {name} the type and the axes that encode gave it, {_described(old)}"
            raise refused(arch, part, must, _described(tensor))


def _described(value: object) -> str:
    if isinstance(value, tf.Tensor):
        return f"{value.dtype.name} {tuple(value.shape)}"
    return type(value).__name__
