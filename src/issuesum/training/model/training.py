"""The training loop: the best validation is kept, and an interruption costs nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import keras
import tensorflow as tf
from tqdm import tqdm

from issuesum.console import bar
from issuesum.errors import ArtifactError, ClusterError
from issuesum.training.model.batches import Epochs
from issuesum.training.model.checkpoint import Checkpoint, Progress
from issuesum.training.model.curves import EXAMPLES_PER_SECOND
from issuesum.training.model.distribution import Arrays, Distribution
from issuesum.training.model.interface import ModelConfig
from issuesum.training.model.trainer import Optimisation, Trainer
from issuesum.training.model.validation import Validator

Record = dict[str, float]


@dataclass(frozen=True)
class Schedule:
    """How long to train; see params.yaml for the meaning of each."""

    epochs: int
    max_steps: int
    eval_steps: int
    patience: int
    monitor: Literal["loss", "rouge_l"]
    checkpoint_steps: int


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    Attributes:
        weights: of the best validation, in the order of `TitleModel.weights`; only the chief's are.
        best: the record of that validation; empty on other workers than the chief.
        resumed: the step at which an earlier, interrupted training was taken up; 0 if none was.
        seconds: of this process.
    """

    weights: Arrays
    best: Record
    resumed: int
    seconds: float

    def describe(self) -> str:
        """Return what is kept, in one line."""
        record = self.best
        return (
            f"epoch {record['train/epoch']:g} is kept, validation loss {record['eval/loss']:.4f}, "
            f"ROUGE-L {record['eval/rouge_l']:.2f}; {self.seconds:.0f} s"
            + (f", taken up at step {self.resumed}" if self.resumed else "")
        )


class Training:
    """One training, from the first batch or from a checkpoint to the last."""

    def __init__(
        self,
        config: ModelConfig,
        dials: Optimisation,
        schedule: Schedule,
        epochs: Epochs,
        *,
        distribution: Distribution,
        validator: Validator,
        checkpoint: Checkpoint,
        report: Callable[[Record], None],
    ) -> None:
        """Make the model, or take up an interrupted training.

        Args:
            config: shape of the model.
            dials: what a step does.
            schedule: how many steps, and when to validate.
            epochs: the rows that are learnt.
            distribution: where it runs.
            validator: judges the model.
            checkpoint: where to go on after an interruption.
            report: is given each record (see `run`), those from before an interruption first.
        """
        self._schedule, self._epochs = schedule, epochs
        self._distribution, self._checkpoint, self._report = distribution, checkpoint, report
        self._total = min(schedule.epochs * epochs.steps, schedule.max_steps)
        self._period = min(epochs.steps, schedule.eval_steps)
        keras.utils.set_random_seed(dials.seed)
        self._trainer = Trainer(distribution.strategy, config, dials, steps=self._total)
        self._validator, self._clock = validator, _Clock()
        self._progress, self._best = self._begin()

    def run(self) -> Trained:
        """Train to the end.

        A record holds, at each validation, the mean training loss since the one before, the
        learning rate, the epoch reached and the speed, and the validation's loss and ROUGE-L.

        Raises:
            ArtifactError: the loss is not finite.
            ClusterError: another worker is gone.
        """
        resumed, started = self._progress.step, time.monotonic()
        for record in self._progress.records:
            self._report(record)
        try:
            with bar("train", self._total * self._epochs.batch_size) as shown:
                shown.update(resumed * self._epochs.batch_size)
                self._clock.restart(resumed)
                while not self._is_over():
                    self._learn(shown)
        except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
            raise ClusterError(
                "All workers of TF_CONFIG must stay until training ends. "
                f"Received: {type(error).__name__} at step {self._progress.step}. "
                "Try: start all again; the chief goes on from its checkpoint."
            ) from error
        best = min(self._progress.records, key=self._monitored, default={})
        return Trained(self._best, best, resumed, time.monotonic() - started)

    def _begin(self) -> tuple[Progress, Arrays]:
        found = self._checkpoint.load() if self._distribution.cluster.is_chief else None
        progress, arrays = found or (Progress(), self._trainer.state())
        best = arrays.pop("best", [])
        if self._distribution.cluster.workers > 1:
            flat = [array for group in arrays.values() for array in group]
            (step, waited), *flat = self._distribution.from_chief(
                [[progress.step, progress.waited], *flat]
            )
            progress.step, progress.waited = int(step), int(waited)
            values = iter(flat)
            arrays = {name: [next(values) for _ in group] for name, group in arrays.items()}
        self._trainer.restore(arrays)
        return progress, best

    def _is_over(self) -> bool:
        progress = self._progress
        return progress.step >= self._total or progress.waited > self._schedule.patience

    def _learn(self, shown: tqdm[Any]) -> None:
        """Learn up to the end of the epoch, or of the training."""
        progress, rows = self._progress, self._epochs.batch_size
        epoch, done = divmod(progress.step, self._epochs.steps)
        batches = self._distribution.strategy.distribute_datasets_from_function(
            lambda context: self._epochs.dataset(epoch, done, context)
        )
        waiting: list[tf.Tensor] = []

        def take_losses() -> None:
            # Not at each step, since a value taken from a GPU makes Python wait for it.
            progress.period_loss = sum(map(float, waiting), progress.period_loss)
            waiting.clear()

        for batch in batches:
            waiting.append(self._trainer.step(batch))
            progress.step += 1
            shown.update(rows)
            due = progress.step % self._period == 0 or progress.step == self._total
            if due or progress.step % self._schedule.checkpoint_steps == 0:
                take_losses()
                self._clock.add(progress.step)
                if due:
                    self._validate()
                self._save()
                self._clock.restart(progress.step)
            if self._is_over():
                break
        take_losses()

    def _validate(self) -> None:
        """Judge the averaged weights and keep them if they are the best; the chief decides."""
        progress = self._progress
        is_best = False
        if self._distribution.cluster.is_chief:
            weights = self._trainer.averaged()
            loss, rouge_l = self._validator.judge(weights)
            steps = progress.step % self._period or self._period
            record = {
                "train/loss": progress.period_loss / steps,
                "train/learning_rate": self._trainer.learning_rate,
                "train/epoch": progress.step / self._epochs.steps,
                EXAMPLES_PER_SECOND: self._clock.take() * self._epochs.batch_size,
                "eval/loss": loss,
                "eval/rouge_l": rouge_l,
            }
            if not all(map(math.isfinite, record.values())):
                raise ArtifactError(
                    "Training must have a finite loss. Received: "
                    f"{record['train/loss']} on train, {loss} on validation at step "
                    f"{progress.step}. Try: a lower train.learning_rate."
                )
            earlier = [self._monitored(of) for of in progress.records]
            is_best = self._monitored(record) < min(earlier, default=math.inf)
            progress.records.append(record)
            progress.period_loss = 0.0
            if is_best:
                self._best = weights
            self._report(record)
        (is_best_there,) = self._distribution.from_chief([float(is_best)])
        progress.waited = 0 if is_best_there else progress.waited + 1

    def _monitored(self, record: Record) -> float:
        """Return a value of which lower is better."""
        if self._schedule.monitor == "loss":
            return record["eval/loss"]
        return -record["eval/rouge_l"]

    def _save(self) -> None:
        if self._distribution.cluster.is_chief:
            self._checkpoint.save(self._progress, {**self._trainer.state(), "best": self._best})


class _Clock:
    """Steps a second, without the time that validation and checkpoints take."""

    def __init__(self) -> None:
        self._steps, self._seconds = 0, 0.0
        self._since, self._step = time.monotonic(), 0

    def restart(self, step: int) -> None:
        self._since, self._step = time.monotonic(), step

    def add(self, step: int) -> None:
        self._seconds += time.monotonic() - self._since
        self._steps += step - self._step

    def take(self) -> float:
        """Return the steps a second since the last call."""
        speed = self._steps / max(self._seconds, 1e-9)
        self._steps, self._seconds = 0, 0.0
        return speed
