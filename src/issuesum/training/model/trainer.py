"""One training step on every replica, and everything that it changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from issuesum.training.model.batches import SIGNATURE, Batch, learnt
from issuesum.training.model.distribution import Arrays
from issuesum.training.model.interface import Inputs, ModelConfig, create_model
from issuesum.training.model.layers import Noise


@dataclass(frozen=True)
class Optimisation:
    """How a step changes the weights; see params.yaml for the meaning of each."""

    batch_size: int
    learning_rate: float
    warmup_steps: int
    clip_norm: float
    label_smoothing: float
    average_decay: float
    xla: bool
    seed: int


class Trainer:
    """A model, its optimizer and the moving average of its weights, on all replicas.

    The average is what is validated and kept (Polyak and Juditsky 1992): it needs no other memory
    than one more copy, and smooths what the last few batches did.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        config: ModelConfig,
        dials: Optimisation,
        *,
        steps: int,
    ) -> None:
        """Make everything untrained.

        Args:
            strategy: of `distribution.Distribution`.
            config: shape of the model.
            dials: how a step changes the weights.
            steps: of the whole training, over which the learning rate falls to 0.
        """
        self._strategy = strategy
        self._dials = dials
        warmup = min(dials.warmup_steps, steps // 2)
        with strategy.scope():
            self.model = create_model(config)
            self._optimizer = keras.optimizers.Adam(
                keras.optimizers.schedules.CosineDecay(
                    0.0, steps - warmup, warmup_target=dials.learning_rate, warmup_steps=warmup
                )
            )
            self._optimizer.build(self.model.trainable_variables)
            self._average = [tf.Variable(of.value) for of in self.model.trainable_variables]
        self._step = tf.function(self._run, reduce_retracing=True)
        self._gradients = tf.function(
            self._gradients_of, jit_compile=dials.xla, input_signature=[*SIGNATURE, _SEED]
        )

    @property
    def learning_rate(self) -> float:
        """Of the next step."""
        return float(self._optimizer.learning_rate)

    def step(self, batch: Batch) -> tf.Tensor:
        """Learn one global batch and return its loss, a float32 scalar in nats a word."""
        return self._step(batch)

    def averaged(self) -> Arrays:
        """Return the averages of the trainable weights, and the other weights as they are."""
        averages = {id(of): mean for of, mean in zip(self._trainable(), self._average, strict=True)}
        return [averages.get(id(of), of.value).numpy() for of in self.model.weights]

    def state(self) -> dict[str, Arrays]:
        """Return everything that a restart needs."""
        return {name: [of.numpy() for of in group] for name, group in self._groups().items()}

    def restore(self, state: dict[str, Arrays]) -> None:
        """Take what `state` returned; from here on every step gives what it gave there."""
        for name, group in self._groups().items():
            for variable, value in zip(group, state[name], strict=True):
                variable.assign(tf.cast(value, variable.dtype))

    def _groups(self) -> dict[str, list[Any]]:
        return {
            "model": [of.value for of in self.model.variables],
            "optimizer": [of.value for of in self._optimizer.variables],
            "average": self._average,
        }

    def _trainable(self) -> list[Any]:
        return list(self.model.trainable_variables)

    def _run(self, batch: Batch) -> tf.Tensor:
        losses = self._strategy.run(self._replica_step, args=(batch,))
        done = tf.cast(self._optimizer.iterations.value, tf.float32)
        # A short memory at first, or the average would long hold the weights of the beginning.
        decay = tf.minimum(self._dials.average_decay, done / (10.0 + done))
        for average, weight in zip(self._average, self._trainable(), strict=True):
            self._strategy.extended.update(
                average,
                lambda of, value: of.assign(decay * of + (1 - decay) * value),
                args=(weight.value,),
            )
        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

    def _replica_step(self, batch: Batch) -> tf.Tensor:
        step = tf.cast(self._optimizer.iterations.value, tf.int32)
        seed = tf.random.experimental.stateless_fold_in([self._dials.seed, 0], step)
        gradients, loss = self._gradients(*batch, seed)
        replica = tf.distribute.get_replica_context()
        summed = replica.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        # Clipped behind the sum, so that many replicas do what one would; Keras clips before it.
        clipped, _ = tf.clip_by_global_norm(summed, self._dials.clip_norm)
        # Keras sums once more over the replicas, which now hold the same.
        count = tf.cast(replica.num_replicas_in_sync, tf.float32)
        self._optimizer.apply([gradient / count for gradient in clipped], self._trainable())
        return loss

    def _gradients_of(self, *given: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
        batch, seed = Batch(*given[:-1]), given[-1]
        inputs = Inputs(batch.body, batch.body_extended, batch.title[:, :-1])
        target = batch.title[:, 1:]
        noise = Noise(seed, batch.row, self._dials.batch_size)
        with tf.GradientTape() as tape:
            losses = self.model.losses(
                inputs, target, smoothing=self._dials.label_smoothing, noise=noise
            )
            loss = tf.reduce_sum(losses * learnt(target)) / batch.words
        gradients = tape.gradient(loss, self._trainable())
        # Rows of an embedding that a batch touches, or nothing of a weight that is not used; a sum
        # over replicas wants whole tables.
        whole = [
            tf.zeros(weight.shape) if gradient is None else tf.convert_to_tensor(gradient)
            for weight, gradient in zip(self._trainable(), gradients, strict=True)
        ]
        return whole, loss


_SEED = tf.TensorSpec((2,), tf.int32)
