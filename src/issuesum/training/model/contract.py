"""Whether an architecture does what training and export need, in a line before it is trained."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from issuesum.errors import ParamsError
from issuesum.text.vocabulary import PADDING, UNKNOWN, Ids
from issuesum.training.model.batches import SIGNATURE
from issuesum.training.model.interface import Inputs, ModelConfig, TitleModel, create_model, running
from issuesum.training.model.layers import Noise

_ROWS = 4
_TOLERANCE = 1e-3
_TAKEN = ("body", "body_extended", "previous", "probabilities")  # by the exported graphs


def check_architecture(config: ModelConfig) -> None:
    """Run an untrained model of `config.arch` on a few rows, as training and export will.

    ParamsError: it fails, or does not return what `TitleModel` says.
    """
    model, inputs = create_model(config), _inputs(config)
    must = "use weights that can be trained"
    _require(config.arch, "call", must, model.trainable_variables, "none")
    with running(config.arch, "call"):
        log_probs = model(inputs)
    _check_log_probs(config, log_probs)
    _check_steps(config, model, inputs, log_probs.numpy())
    # At the end: training changes the state of layers such as BatchNormalization.
    with running(config.arch, "losses"):
        _check_losses(config, model, inputs)


def state_specs(model: TitleModel, body_maxlen: int) -> dict[str, tf.TensorSpec]:
    """Return what a built model's state is like; an axis is None for the batch or if it varies."""
    bodies = [tf.fill((1, body_maxlen), index) for index in (PADDING, UNKNOWN)]
    # Loops that are not traced are slow.
    encode = tf.function(model.encode, autograph=False)
    state, longest = (encode(body, body) for body in bodies)
    _, changed = model.step(bodies[0][:, 0], state)
    specs = {}
    for name, tensor in state.items():
        others = (longest[name], changed.get(name, tensor))
        sizes = zip(*(of.shape[1:] for of in (tensor, *others)), strict=True)
        shape = (None, *(size[0] if len(set(size)) == 1 else None for size in sizes))
        specs[name] = tf.TensorSpec(shape, tensor.dtype, name=name)
    return specs


def _inputs(config: ModelConfig) -> Inputs:
    # Rows of every kind: full, short and empty bodies, out-of-vocabulary words in body and title.
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
    require = partial(_require, config.arch, "call")
    steps, size = config.title_maxlen - 1, config.title_size
    shapes = [(_ROWS, steps, size), (_ROWS, steps, size + config.body_maxlen)]
    is_right = tuple(log_probs.shape) in shapes and log_probs.dtype == tf.float32
    require(f"return float32 {' or '.join(map(str, shapes))} for {_ROWS} rows", is_right, log_probs)
    values = log_probs.numpy()
    received = f"others for a body{' without a word' * bool(np.isfinite(values[:-1]).all())}"
    require("return finite values for every body", np.isfinite(values).all(), received)
    sums = np.exp(values.astype(np.float64)).sum(axis=-1)
    must = "return log-probabilities, whose exponentials sum to 1 over the words"
    worst = sums.flat[np.abs(sums - 1).argmax()]
    require(must, np.allclose(sums, 1, atol=0.02), f"a sum of {worst:.4g}")


def _check_losses(config: ModelConfig, model: TitleModel, inputs: Inputs) -> None:
    # As training does: no size is known when it is traced, and bodies are cut to the longest.
    @tf.function(input_signature=SIGNATURE[:3], autograph=False)  # type: ignore[untyped-decorator] # has no types
    def losses(*of_batch: tf.Tensor) -> tf.Tensor:
        noise, rows = Noise(tf.constant([0, 0]), tf.range(_ROWS), _ROWS), Inputs(*of_batch)
        return model.losses(rows, rows.previous, smoothing=0.1, noise=noise)

    shape = inputs.previous.shape
    for width in (config.body_maxlen, (config.body_maxlen + 1) // 2):
        found = losses(inputs.body[:, -width:], inputs.body_extended[:, -width:], inputs.previous)
        must = f"return finite float32 {tuple(shape)} for bodies of {width} words"
        is_right = found.shape == shape and np.isfinite(found.numpy()).all()
        _require(config.arch, "losses", must, is_right, found)


def _check_steps(
    config: ModelConfig, model: TitleModel, inputs: Inputs, expected: npt.NDArray[np.float32]
) -> None:
    arch, require = config.arch, partial(_require, config.arch, "step")
    with running(arch, "encode"):
        state = model.encode(inputs.body, inputs.body_extended)
    _check_state(partial(_require, arch, "encode"), state, {})
    with running(arch, "step"):
        answer: Any = model.step(inputs.previous[:, 0], state)
    must = "return log-probabilities and a dict of what changed"
    require(must, isinstance(answer, tuple), answer)
    _check_state(require, answer[-1], state)
    signature = [tf.TensorSpec((None,), tf.int32), state_specs(model, config.body_maxlen)]
    traced = tf.function(model.step, input_signature=signature, autograph=False)
    gaps, shape = [], expected[:, 0].shape
    for place in range(expected.shape[1]):
        with running(arch, "step"):
            log_probs, changed = traced(inputs.previous[:, place], state)
        is_right = log_probs.shape == shape and log_probs.dtype == tf.float32
        require(f"return float32 {shape} as call does for {_ROWS} rows", is_right, log_probs)
        state = {name: changed.get(name, of) for name, of in state.items()}
        gaps.append(np.abs(log_probs.numpy() - expected[:, place]))
    if keras.config.dtype_policy().compute_dtype == "float32":
        largest = np.max(gaps)  # NaN, if there is one
        received = f"log-probabilities that differ by up to {largest:.3g}"
        must = "say word by word what call says of the whole title"
        _require(arch, "encode and step", must, largest <= _TOLERANCE, received)


def _check_state(
    require: Callable[..., None], state: dict[str, tf.Tensor], before: dict[str, tf.Tensor]
) -> None:
    # `step`, which is given the state `before`, may also return other outputs.
    require("return tensors by name, in a dict", isinstance(state, Mapping), state)
    taken = {*_TAKEN, *(f"next_{name}" for name in before or state)}
    for name, tensor in state.items():
        must = f"use other names of tensors than {', '.join(sorted(taken))}"
        require(must, name and name not in taken, repr(name))
        is_batch = tf.is_tensor(tensor) and tensor.shape.rank and tensor.shape[0] == _ROWS
        must = f"return {name} with the batch as its first axis, {_ROWS} rows here"
        require(must, is_batch, tensor)
        old = before.get(name, tensor)
        must = f"leave {name} the type and the axes that encode gave it, {_described(old)}"
        require(must, (tensor.dtype, tensor.shape.rank) == (old.dtype, old.shape.rank), tensor)


def _require(arch: str, part: str, must: str, is_right: object, received: object) -> None:
    if not is_right:
        raise ParamsError(
            f"{part} of the architecture {arch} must {must}. Received: {_described(received)}. "
            "Try: compare with docs/model.md."
        )


def _described(value: object) -> str:
    if isinstance(value, tf.Tensor):
        return f"{value.dtype.name} {tuple(value.shape)}"
    return value if isinstance(value, str) else type(value).__name__
