"""The sequence-to-sequence GRU of the 2018 example, as the reference.

Encoder: embedding, batch normalisation, GRU; its last state is all that the decoder knows of the
body. Decoder: embedding, batch normalisation, GRU, batch normalisation, dense softmax. At the
example's widths it has its 6,191,702 parameters. Cho et al. 2014, arXiv:1406.1078 (hence
`reset_after=False`).
"""

import keras
import tensorflow as tf

from issuesum.text.vocabulary import UNKNOWN
from issuesum.training.model.interface import Inputs, ModelConfig, TitleModel
from issuesum.training.model.layers import Noise


class Seq2Seq(TitleModel):
    """GRU encoder and GRU decoder without attention."""

    def __init__(self, config: ModelConfig) -> None:
        """Make the layers."""
        super().__init__(name="seq2seq")
        layers = keras.layers
        units = config.hidden_units
        self.title_size = config.title_size
        self.body_embedding = layers.Embedding(config.body_size, config.embedding_dim)
        self.body_norm = layers.BatchNormalization()
        self.encoder = layers.GRU(units, reset_after=False)
        self.title_embedding = layers.Embedding(config.title_size, config.embedding_dim)
        self.title_norm = layers.BatchNormalization()
        self.decoder = layers.GRU(units, reset_after=False, return_sequences=True)
        self.output_norm = layers.BatchNormalization()
        self.vocabulary = layers.Dense(config.title_size)

    def call(self, inputs: Inputs, *, noise: Noise | None = None) -> tf.Tensor:
        """Return log-probabilities (batch, steps, title_size) for teacher-forced titles."""
        training = noise is not None
        state = self.encoder(self.body_norm(self.body_embedding(inputs.body), training=training))
        known = self.title_embedding(self._known(inputs.previous))
        outputs = self.decoder(self.title_norm(known, training=training), initial_state=state)
        logits = self.vocabulary(self.output_norm(outputs, training=training))
        return tf.nn.log_softmax(tf.cast(logits, tf.float32))

    def encode(self, body: tf.Tensor, body_extended: tf.Tensor) -> dict[str, tf.Tensor]:  # noqa: ARG002
        """Return the encoder's last state, float32 (batch, hidden_units)."""
        return {"hidden": self.encoder(self.body_norm(self.body_embedding(body)))}

    def step(
        self, previous: tf.Tensor, state: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Score the next word from the word before and the decoder's state."""
        # The cell, not the layer: a layer over one step becomes a loop in the exported graph.
        embedded = self.title_norm(self.title_embedding(self._known(previous)[:, None]))
        output, _ = self.decoder.cell(embedded[:, 0], [state["hidden"]])
        logits = self.vocabulary(self.output_norm(output[:, None]))
        return tf.nn.log_softmax(tf.cast(logits[:, 0], tf.float32)), {"hidden": output}

    def _known(self, previous: tf.Tensor) -> tf.Tensor:
        return tf.where(previous < self.title_size, previous, UNKNOWN)


def create(config: ModelConfig) -> TitleModel:
    """Return an untrained model."""
    return Seq2Seq(config)
