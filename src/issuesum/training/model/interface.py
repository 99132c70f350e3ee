"""What training and export need of an architecture, and a model's two files."""

from __future__ import annotations

import difflib
import importlib
import json
import pkgutil
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf

from issuesum.errors import IssuesumError, ParamsError, reading_artifact
from issuesum.text.vocabulary import UNKNOWN
from issuesum.training.model import architectures
from issuesum.training.model.distribution import Arrays
from issuesum.training.model.layers import Noise

WEIGHTS, CONFIG = "model.weights.h5", "config.json"
_FORMAT = 2
# Names of nodes, colours, and what Keras and TensorFlow put around a reason.
_NOISE = re.compile(
    r"\x1b\[[0-9;]*m|\{\{function_node .*?\}\} *| *\[\[\{\{.*| \[Op:.*|\n+Arguments received by .*",
    re.DOTALL,
)


@dataclass(frozen=True)
class ModelConfig:
    """Everything that decides the shape of a model; kept next to its weights as config.json."""

    arch: str
    embedding_dim: int
    hidden_units: int
    body_size: int  # number of ids, padding and unknown included
    body_maxlen: int
    title_size: int
    title_maxlen: int
    dropout: float  # share of features that training leaves out of each row
    word_dropout: float  # share of body words that training makes unknown

    def save(self, path: Path) -> None:
        """Write the configuration as JSON."""
        content = {"format": _FORMAT, **asdict(self)}
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> ModelConfig:
        """Read what `save` wrote; ArtifactError if it is missing or of another format."""
        must = f"{path} must describe a model of format {_FORMAT}"
        with reading_artifact(must, "dvc repro -f train"):
            content = dict(json.loads(path.read_text(encoding="utf-8")))
            if content.pop("format") != _FORMAT:
                raise ValueError("unknown format")
            return cls(**content)


class Inputs(NamedTuple):
    """Bodies, and the words before those that are scored.

    There are body_maxlen places, or fewer: training leaves out columns in which no row has a word.
    """

    body: tf.Tensor  # int32 (batch, places), ids of the body vocabulary, padded in front
    body_extended: tf.Tensor  # int32 (batch, places), the same as extended title ids
    previous: tf.Tensor  # int32 (batch, steps), extended title ids; `_start_` first


class TitleModel(keras.Model):  # type: ignore[misc] # keras has no types
    """A model that can be trained by teacher forcing and asked word by word.

    `outputs` below is `title_size` for a model that writes words of the vocabulary only, and
    `title_size + body_maxlen` for one that copies: id `title_size + n` is the n-th distinct word of
    the row that the title vocabulary does not hold.
    """

    def build(self, input_shape: object) -> None:
        """Leave building to the layers: without this Keras traces `call` twice to the same end."""

    def call(self, inputs: Inputs, *, noise: Noise | None = None) -> tf.Tensor:
        """Return float32 log-probabilities (batch, steps, outputs); only training gives `noise`."""
        raise NotImplementedError

    def losses(
        self, inputs: Inputs, target: tf.Tensor, *, smoothing: float, noise: Noise | None = None
    ) -> tf.Tensor:
        """Return what training minimises at each place, float32 (batch, steps), in nats.

        `target`, int32 (batch, steps), has extended title ids; `smoothing` is the share of the
        probability spread evenly over all outputs (Szegedy et al. 2016, arXiv:1512.00567, section
        7). Override this where training does not need all of `call`'s outputs.
        """
        log_probs = self.call(inputs, noise=noise)
        reachable = tf.where(target < log_probs.shape[-1], target, UNKNOWN)
        chosen = tf.gather(log_probs, reachable, batch_dims=2)
        return -(1 - smoothing) * chosen - smoothing * tf.reduce_mean(log_probs, axis=-1)

    def encode(self, body: tf.Tensor, body_extended: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return named state tensors of bodies, both int32 (batch, body_maxlen) as in `Inputs`.

        The batch is their first axis; an axis behind it may depend on the bodies, or grow from step
        to step. A search has several rows for a body: those whose name begins with `shared_` are
        not copied for them, so `step` needs the body of each row in another tensor. If that is
        `body_number`, it has one element where all rows are of one body.
        """
        raise NotImplementedError

    def step(
        self, previous: tf.Tensor, state: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Score the next word after `previous`, int32 (batch,), extended ids; `_start_` first.

        `state` is what `encode` returned, with what the last `step` changed. Returns float32
        log-probabilities (batch, outputs) and every state tensor that changed, by name.
        """
        raise NotImplementedError


def create_model(config: ModelConfig) -> TitleModel:
    """Make an untrained, built model; ParamsError: no such architecture, or its module fails."""
    names = (module.name for module in pkgutil.iter_modules(architectures.__path__))
    there = sorted(name for name in names if not name.startswith("_"))
    if config.arch not in there:
        near = difflib.get_close_matches(config.arch, there, 1) or ["pointer"]
        raise ParamsError(
            "train.arch must name a module of issuesum.training.model.architectures: "
            f"{', '.join(there)}. Received: {config.arch}. Try: {near[0]}."
        )
    with running(config.arch, "create"):
        module = importlib.import_module(f"{architectures.__name__}.{config.arch}")
        model: TitleModel = module.create(config)
    with running(config.arch, "call"):
        model(Inputs(*[tf.zeros((1, 1), tf.int32)] * 3))
    return model


def save_model(config: ModelConfig, weights: Arrays, models: Path) -> None:
    """Write the model, weights as `TitleModel.weights` has them; equal arguments, equal bytes."""
    # Or the file would hold names of layers counted since the start of the process.
    keras.utils.clear_session(free_memory=False)
    model = create_model(config)
    model.set_weights(weights)
    model.save_weights(models / WEIGHTS)
    config.save(models / CONFIG)


def load_model(models: Path) -> TitleModel:
    """Load what `save_model` wrote; ArtifactError if it is missing, broken or does not fit."""
    model = create_model(ModelConfig.load(models / CONFIG))
    must = f"{models / WEIGHTS} must hold the weights of the model in {CONFIG}"
    with reading_artifact(must, "dvc repro -f train"):
        model.load_weights(models / WEIGHTS)
    return model


@contextmanager
def running(arch: str, part: str) -> Iterator[None]:
    """Turn an error that a part of an architecture raises, if not ours, into a ParamsError."""
    try:
        yield
    except IssuesumError:
        raise
    except Exception as error:
        text = "".join(traceback.format_exception(error))  # graphs leave a text, and no frames
        line = re.findall(rf'/{arch}\.py", line (\d+)', text)[-1:]
        place = f" in {arch}.py, line {line[0]}" if line else ""
        reason = _NOISE.sub("", getattr(error, "msg", str(error))).strip().rpartition("\n")[2]
        raise ParamsError(
            f"{part} of the architecture {arch} must run. "
            f"Received: {type(error).__name__}{place}: {reason:.300}. "
            "Try: fix it; ISSUESUM_VERBOSE=1 in the environment shows the traceback."
        ) from error
