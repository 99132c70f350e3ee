"""One training step on every replica, and how well a model does on rows that it does not learn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from issuesum.text.features import Features
from issuesum.text.vocabulary import PADDING, UNKNOWN, Ids
from issuesum.training import hidden
from issuesum.training.model.batches import SIGNATURE, Batch, learnt
from issuesum.training.model.contract import state_specs
from issuesum.training.model.distribution import Arrays
from issuesum.training.model.interface import Inputs, ModelConfig, create_model
from issuesum.training.model.layers import Noise

with hidden("scipy", "sklearn"):  # by nltk, of which this needs a stemmer
    from rouge_score.rouge_scorer import RougeScorer

_ROWS = 128
_NEVER = -1e9


@dataclass(frozen=True)
class Settings:
    """How to train; see params.yaml for the meaning of each."""

    batch_size: int
    learning_rate: float
    warmup_steps: int
    clip_norm: float
    label_smoothing: float
    average_decay: float
    xla: bool
    seed: int
    epochs: int
    max_steps: int
    eval_steps: int
    patience: int
    monitor: Literal["loss", "rouge_l"]
    checkpoint_steps: int


class Trainer:
    """A model, its optimizer and the moving average of its weights, on all replicas.

    The average is validated and kept (Polyak and Juditsky 1992): it smooths the last few batches.
    """

    def __init__(
        self, strategy: tf.distribute.Strategy, config: ModelConfig, settings: Settings, steps: int
    ) -> None:
        """Make everything untrained; over so many `steps` the learning rate falls to 0."""
        self._strategy, self._settings = strategy, settings
        warmup = min(settings.warmup_steps, steps // 2)
        self._schedule = keras.optimizers.schedules.CosineDecay(
            0.0, steps - warmup, warmup_target=settings.learning_rate, warmup_steps=warmup
        )
        with strategy.scope():
            self._model = create_model(config)
            self._weights = [of.value for of in self._model.trainable_variables]
            self._moments = [[tf.Variable(0 * of) for of in self._weights] for _ in range(2)]
            self._average = [tf.Variable(of) for of in self._weights]
            once = tf.VariableAggregation.ONLY_FIRST_REPLICA
            self._done = tf.Variable(0, dtype=tf.int64, trainable=False, aggregation=once)  # steps
        self._groups: dict[str, list[Any]] = {
            "model": [of.value for of in self._model.variables],
            "optimizer": [self._done, *self._moments[0], *self._moments[1]],
            "average": self._average,
        }
        self.step = tf.function(self._run, reduce_retracing=True, autograph=False)
        """Learns one global batch and returns its loss, a float32 scalar in nats per token."""
        self._gradients = tf.function(
            self._gradients_of, jit_compile=settings.xla, autograph=False,
            input_signature=[*SIGNATURE, tf.TensorSpec((2,), tf.int32)],
        )  # fmt: skip

    @property
    def learning_rate(self) -> float:
        """That of the next step."""
        return float(self._schedule(self._done))

    def averaged(self) -> Arrays:
        """Return the averages of the trainable weights, and the other weights as they are."""
        averages = {id(of): mean for of, mean in zip(self._weights, self._average, strict=True)}
        return [averages.get(id(of.value), of.value).numpy() for of in self._model.weights]

    def state(self) -> dict[str, Arrays]:
        """Return everything that a restart needs."""
        return {name: [of.numpy() for of in group] for name, group in self._groups.items()}

    def restore(self, state: dict[str, Arrays]) -> None:
        """Take what `state` returned."""
        for name, group in self._groups.items():
            for variable, value in zip(group, state[name], strict=True):
                variable.assign(tf.cast(value, variable.dtype))

    def _run(self, batch: Batch) -> tf.Tensor:
        gradients, losses = self._strategy.run(self._replica_step, args=(batch,))
        rate = self._schedule(self._done)
        self._done.assign_add(1)
        done = tf.cast(self._done, tf.float32)
        # A short memory at first, or the average would long hold the weights of the beginning.
        change = 1 - tf.minimum(self._settings.average_decay, done / (10.0 + done))
        first, second = 0.9, 0.999  # decays of Adam's moments: Kingma and Ba 2015, arXiv:1412.6980

        def update(weight: tf.Variable, *parts: Any) -> tf.Tensor:  # noqa: ANN401
            mean, square, average, gradient = parts
            # One pass over memory; Keras' Adam takes a dozen.
            tf.raw_ops.ResourceApplyAdam(
                var=weight.handle, m=mean.handle, v=square.handle, grad=gradient, lr=rate,
                beta1=first, beta2=second, beta1_power=first**done, beta2_power=second**done,
                epsilon=1e-7,
            )  # fmt: skip
            return average.assign_sub(change * (average - weight))

        groups = self._weights, *self._moments, self._average, gradients
        for weight, *parts in zip(*groups, strict=True):
            self._strategy.extended.update(weight, update, args=parts)
        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

    def _replica_step(self, batch: Batch) -> tuple[list[tf.Tensor], tf.Tensor]:
        step = tf.cast(self._done, tf.int32)
        seed = tf.random.experimental.stateless_fold_in([self._settings.seed, 0], step)
        gradients, loss = self._gradients(*batch, seed)
        replica = tf.distribute.get_replica_context()
        summed = replica.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        # Clipped behind the sum, so that many replicas do what one would.
        clipped, _ = tf.clip_by_global_norm(summed, self._settings.clip_norm)
        return clipped, loss

    def _gradients_of(self, *given: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
        batch, seed = Batch(*given[:-1]), given[-1]
        inputs, target = Inputs(*batch[:2], batch.title[:, :-1]), batch.title[:, 1:]
        noise = Noise(seed, batch.row, self._settings.batch_size)
        smoothing = self._settings.label_smoothing
        with tf.GradientTape() as tape:
            losses = self._model.losses(inputs, target, smoothing=smoothing, noise=noise)
            loss = tf.reduce_sum(losses * learnt(target)) / batch.words
        gradients = tape.gradient(loss, self._weights)
        # Rows of an embedding that a batch touches, or nothing of a weight that is not used; a sum
        # over replicas needs whole tables.
        return [
            tf.zeros(weight.shape) if gradient is None else tf.convert_to_tensor(gradient)
            for weight, gradient in zip(self._weights, gradients, strict=True)
        ], loss


def mean_rouge_l(written: Sequence[Sequence[int]], references: Sequence[Sequence[int]]) -> float:
    """Return the mean F1 x 100 of the longest common subsequences of rows of ids (Lin 2004)."""
    scorer = RougeScorer(["rougeL"], tokenizer=SimpleNamespace(tokenize=str.split))
    pairs = zip(references, written, strict=True)
    texts = ([" ".join(map(str, row)) for row in pair] for pair in pairs)
    return float(100 * np.mean([scorer.score(*pair)["rougeL"].fmeasure for pair in texts]))


class Validator:
    """Loss and score of a model on fixed rows."""

    def __init__(self, config: ModelConfig, rows: Features, *, start: int, end: int) -> None:
        """Make a model that is not distributed; `start` and `end` are the ids of the marks."""
        self._model, self._rows = create_model(config), rows
        self._start, self._end = start, end
        ids = tf.TensorSpec((None, None), tf.int32)
        state = state_specs(self._model, config.body_maxlen)
        # Each is traced once, whatever the sizes are.
        self._sums, self._encode, self._next = (
            tf.function(function, input_signature=signature, autograph=False)
            for function, signature in (
                (self._sum_losses, [ids] * 3),
                (self._model.encode, [ids] * 2),
                (self._write, [tf.TensorSpec((None,), tf.int32), state]),
            )
        )

    def judge(
        self, weights: Arrays, between: Callable[[], None] = lambda: None
    ) -> tuple[float, float]:
        """Return the loss (nats per token, without smoothing or noise) and the mean ROUGE-L.

        `weights` are in the order of `TitleModel.weights`. `between` is called before each batch,
        and may raise.
        """
        self._model.set_weights(weights)
        parts: list[list[float]] = []
        written: list[list[int]] = []
        for start in range(0, len(self._rows), _ROWS):
            between()
            rows = self._rows.take(slice(start, start + _ROWS))
            sums = self._sums(rows.body, rows.body_extended, rows.title_extended)
            parts.append([float(part) for part in sums])
            written += self._words(self._titles(rows))
        losses, words = np.sum(parts, axis=0)
        true = self._rows.title_extended[:, 1:]
        # No model writes an unknown word, so it must equal nothing.
        score = mean_rouge_l(written, self._words(np.where(true == UNKNOWN, -1, true)))
        return float(losses / max(1.0, words)), score

    def _words(self, titles: Ids) -> list[list[int]]:
        ends = (titles == self._end) | (titles == PADDING)
        lengths = np.where(ends.any(axis=1), ends.argmax(axis=1), titles.shape[1])
        return [row[:length].tolist() for row, length in zip(titles, lengths, strict=True)]

    def _sum_losses(
        self, body: tf.Tensor, body_extended: tf.Tensor, title: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the sum of the losses, and the number of words."""
        inputs, target = Inputs(body, body_extended, title[:, :-1]), title[:, 1:]
        weights = learnt(target)
        losses = self._model.losses(inputs, target, smoothing=0.0)
        return tf.reduce_sum(losses * weights), tf.reduce_sum(weights)

    def _titles(self, rows: Features) -> Ids:
        """Return greedy titles, int32 (rows, steps)."""
        state = self._encode(rows.body, rows.body_extended)
        words = [tf.fill((len(rows),), self._start)]
        for _ in range(rows.title.shape[1] - 1):
            word, state = self._next(words[-1], state)
            words.append(word)
        return np.stack(words[1:], axis=1)

    def _write(
        self, previous: tf.Tensor, state: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        log_probs, changed = self._model.step(previous, state)
        outputs = log_probs.shape[-1]
        forbidden = tf.one_hot([PADDING, UNKNOWN, self._start], outputs, on_value=_NEVER)
        again = tf.one_hot(previous, outputs, on_value=_NEVER)
        scores = log_probs + tf.reduce_sum(forbidden, axis=0) + again
        word = tf.argmax(scores, axis=-1, output_type=tf.int32)
        return word, {name: changed.get(name, tensor) for name, tensor in state.items()}
