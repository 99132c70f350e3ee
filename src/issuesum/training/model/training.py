"""The training loop: the best validation is kept, and an interruption costs nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tqdm import tqdm

from issuesum.console import bar
from issuesum.errors import ArtifactError, ClusterError
from issuesum.text.features import Shards
from issuesum.training import hidden
from issuesum.training.model.batches import Epochs
from issuesum.training.model.checkpoint import Checkpoint, Progress, Record, noticing_sigterm
from issuesum.training.model.distribution import Arrays, Distribution
from issuesum.training.model.interface import ModelConfig
from issuesum.training.model.trainer import Settings, Trainer, Validator

with hidden("pandas"):
    from dvclive.live import Live

EXAMPLES_PER_SECOND = "train/examples_per_second"


@dataclass(frozen=True)
class Trained:
    """Result of a training; only the chief has weights and record of the best validation."""

    weights: Arrays
    best: Record
    resumed: int  # step at which an interrupted training was resumed; 0 if none was
    seconds: float

    def describe(self) -> str:
        """Return what is kept, in one line."""
        record, resumed = self.best, f", taken up at step {self.resumed}" if self.resumed else ""
        return (
            f"epoch {record['train/epoch']:g} is kept, validation loss {record['eval/loss']:.4f}, "
            f"ROUGE-L {record['eval/rouge_l']:.2f}; {self.seconds:.0f} s{resumed}"
        )


class _Stopped(Exception):  # noqa: N818 -- SIGTERM came, which is no failure
    pass


class Training:
    """One training, from the first batch or from a checkpoint to the last."""

    def __init__(
        self, config: ModelConfig, settings: Settings, shards: Shards, *,
        distribution: Distribution, validator: Validator, checkpoint: Checkpoint,
        report: Callable[[Record], None],
    ) -> None:  # fmt: skip
        """Make the model, or resume an interrupted training on the rows of `shards`.

        `report` is given each record (see `run`), those from before an interruption first.
        """
        self._settings, self._distribution = settings, distribution
        self._validator, self._checkpoint, self._report = validator, checkpoint, report
        self._is_chief = distribution.cluster.is_chief
        self._epochs = Epochs(shards, settings.batch_size, settings.seed)
        self._total = min(settings.epochs * self._epochs.steps, settings.max_steps)
        self._period = min(self._epochs.steps, settings.eval_steps)
        keras.utils.set_random_seed(settings.seed)
        self._trainer = Trainer(distribution.strategy, config, settings, steps=self._total)
        self._steps, self._seconds = 0, 0.0  # without validation and checkpoints
        self._losses: list[tf.Tensor] = []  # of steps since they were last taken from the GPU
        self._progress, self._best = self._begin()

    def run(self) -> Trained:
        """Train to the end.

        A record holds, at each validation, the mean training loss since the one before, the
        learning rate, the epoch reached and the speed, and the validation's loss and ROUGE-L.

        Raises:
            ArtifactError: the loss is not finite.
            ClusterError: another worker is gone.
            SystemExit: SIGTERM came, after which one more checkpoint was written.
        """
        resumed, started = self._progress.step, time.monotonic()
        for record in self._progress.records:
            self._report(record)
        try:
            with (
                noticing_sigterm() as self._stops,
                bar("train", self._total * self._epochs.batch_size) as shown,
            ):
                shown.update(resumed * self._epochs.batch_size)
                self._train(shown)
        except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
            raise ClusterError(
                "All workers of TF_CONFIG must stay until training ends. "
                f"Received: {type(error).__name__} at step {self._progress.step}. "
                "Try: start all again; the chief resumes from its checkpoint."
            ) from error
        best = min(self._progress.records, key=self._monitored, default={})
        return Trained(self._best, best, resumed, time.monotonic() - started)

    def _train(self, shown: tqdm[Any]) -> None:
        try:
            if self._is_due():  # SIGTERM came in the middle of this validation
                self._validate()
            self._since = time.monotonic()
            while not self._is_over():
                self._learn(shown)
        except _Stopped:
            self._save()
            if self._is_chief:
                self._checkpoint.finish()

    def _begin(self) -> tuple[Progress, Arrays]:
        found = self._checkpoint.load() if self._is_chief else None
        progress, arrays = found or (Progress(), self._trainer.state())
        best = arrays.pop("best", [])
        if self._distribution.cluster.workers > 1:
            own: Any = ([progress.step, progress.validated, progress.waited], arrays)
            shared = self._distribution.from_chief(tf.nest.flatten(own))
            counts, arrays = tf.nest.pack_sequence_as(own, shared)
            progress.step, progress.validated, progress.waited = map(int, counts)
        self._trainer.restore(arrays)
        return progress, best

    def _is_over(self) -> bool:
        waited = self._progress.waited
        return self._progress.step >= self._total or waited > self._settings.patience

    def _learn(self, shown: tqdm[Any]) -> None:
        """Learn up to the end of the epoch, or of the training."""
        progress = self._progress
        epoch, done = divmod(progress.step, self._epochs.steps)
        batches = self._distribution.strategy.distribute_datasets_from_function(
            lambda context: self._epochs.dataset(epoch, done, context)
        )
        for batch in batches:
            self._losses.append(self._trainer.step(batch))
            progress.step += 1
            self._steps += 1
            shown.update(self._epochs.batch_size)
            due = self._is_due()
            if due or self._stops() or progress.step % self._settings.checkpoint_steps == 0:
                # Not at each step, since a value taken from a GPU makes Python wait for it.
                progress.period_loss = sum(map(float, self._losses), progress.period_loss)
                self._losses.clear()
                self._go_on()
                self._seconds += time.monotonic() - self._since
                if due:
                    self._validate()
                self._save()
                self._since = time.monotonic()
            if self._is_over():
                break

    def _is_due(self) -> bool:
        step, is_new = self._progress.step, self._progress.step != self._progress.validated
        return is_new and (step % self._period == 0 or step == self._total)

    def _go_on(self) -> None:
        if self._stops():
            raise _Stopped

    def _save(self) -> None:
        if self._is_chief:
            state = self._trainer.state() | {"best": self._best}
            self._checkpoint.save(self._progress, state)

    def _validate(self) -> None:
        progress, is_best = self._progress, False
        if self._is_chief:
            weights = self._trainer.averaged()
            loss, rouge_l = self._validator.judge(weights, between=self._go_on)
            speed = self._steps * self._epochs.batch_size / max(self._seconds, 1e-9)
            self._steps, self._seconds = 0, 0.0
            record = {
                "train/loss": progress.period_loss / (progress.step % self._period or self._period),
                "train/learning_rate": self._trainer.learning_rate,
                "train/epoch": progress.step / self._epochs.steps, EXAMPLES_PER_SECOND: speed,
                "eval/loss": loss, "eval/rouge_l": rouge_l,
            }  # fmt: skip
            if not all(map(math.isfinite, record.values())):
                raise ArtifactError(
                    f"Training must have a finite loss. Received: {record['train/loss']} on train, "
                    f"{loss} on validation at step {progress.step}. "
                    "Try: a lower train.learning_rate."
                )
            earlier = map(self._monitored, progress.records)
            is_best = self._monitored(record) < min(earlier, default=math.inf)
            progress.records.append(record)
            progress.period_loss = 0.0
            if is_best:
                self._best = weights
            self._report(record)
        (is_best_there,) = self._distribution.from_chief([float(is_best)])
        progress.validated = progress.step
        progress.waited = 0 if is_best_there else progress.waited + 1

    def _monitored(self, record: Record) -> float:
        # Lower is better.
        return record["eval/loss"] if self._settings.monitor == "loss" else -record["eval/rouge_l"]


class Curves(Live):
    """Writes one point of each curve after each validation, as DVC compares them."""

    def __init__(self, folder: Path, speed: Path) -> None:
        """Begin without a point.

        `folder` gets metrics.json and plots/, equal bytes for equal trainings; the table `speed`
        gets the examples per second, which are never equal.
        """
        self._speed = speed
        speed.parent.mkdir(parents=True, exist_ok=True)
        speed.write_text("step\texamples_per_second\n", encoding="utf-8")
        super().__init__(str(folder), dvcyaml=False, save_dvc_exp=False, monitor_system=False)

    def _init_dvc(self) -> None:
        """Leave out what DVC is for: a stage leaves dvc.yaml and Git alone. It takes a second."""

    def add(self, record: Mapping[str, float]) -> None:
        """Write the next point of each curve, by name: `split/metric`."""
        values = dict(record)
        with self._speed.open("a", encoding="utf-8") as file:
            file.write(f"{self.step}\t{values.pop(EXAMPLES_PER_SECOND):.1f}\n")
        for name, value in values.items():
            self.log_metric(name, value)
        self.next_step()  # type: ignore[no-untyped-call]

    def best(self, record: Mapping[str, float]) -> None:
        """Write the values of the validation that is kept; they have no curve."""
        for name, value in record.items():
            if name != EXAMPLES_PER_SECOND:
                self.log_metric(f"best/{name}", value, plot=False)
