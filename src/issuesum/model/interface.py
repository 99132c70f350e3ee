"""What training and export ask of an architecture."""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import tensorflow as tf

from issuesum.errors import ArtifactError, ParamsError

_FORMAT = 1


@dataclass(frozen=True)
class ModelConfig:
    """Everything that decides the shape of a model; kept beside its weights as config.json."""

    arch: str
    embedding_dim: int
    hidden_units: int
    body_size: int
    """Number of body ids, padding and unknown included."""
    body_maxlen: int
    title_size: int
    title_maxlen: int

    def save(self, path: Path) -> None:
        """Write the configuration as JSON."""
        content = {"format": _FORMAT, **asdict(self)}
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> ModelConfig:
        """Read a configuration that `save` wrote.

        Raises:
            ArtifactError: the file is missing or does not describe a model of this format.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content.pop("format") != _FORMAT:
                raise ValueError("unknown format")
            return cls(**content)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtifactError(
                f"{path} must describe a model of format {_FORMAT}. Received: {error}. "
                "Try: dvc repro -f train."
            ) from error


class TitleModel(keras.Model):  # type: ignore[misc] # keras has no types
    """A model that can be trained by teacher forcing and asked word by word.

    `call((body, previous))` takes int32 body ids (batch, body_maxlen) and int32 title ids
    (batch, steps) and returns float32 logits (batch, steps, title_size). `encode` and `step` give
    the same logits one step at a time; export turns each into one ONNX graph.
    """

    def encode(self, body: tf.Tensor) -> dict[str, tf.Tensor]:
        """Read bodies, int32 (batch, body_maxlen).

        Returns:
            Named state tensors, each with the batch as its first axis.
        """
        raise NotImplementedError

    def step(
        self, previous: tf.Tensor, state: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Score the next word.

        Args:
            previous: int32 (batch,), the word before; `_start_` first.
            state: what `encode` or the last `step` returned.

        Returns:
            float32 logits (batch, title_size) and the state after this word: every tensor that
            changed, under its name.
        """
        raise NotImplementedError


def create_model(config: ModelConfig) -> TitleModel:
    """Make an untrained, built model of `config.arch`.

    Raises:
        ParamsError: there is no such architecture.
    """
    name = f"{__package__}.architectures.{config.arch}"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ParamsError(
            f"train.arch must name a module of issuesum.model.architectures. "
            f"Received: {config.arch}. Try: seq2seq."
        ) from error
    model = module.create(config)
    assert isinstance(model, TitleModel)  # noqa: S101
    body = tf.zeros((1, config.body_maxlen), tf.int32)
    model((body, tf.zeros((1, 1), tf.int32)))
    return model
