"""The training loop: the best validation is kept, and an interruption costs nothing.

A checkpoint is one .npz in a folder that neither Git nor DVC touches, so that it outlives both
`kill -9` and the removal of outputs with which DVC begins a stage. Its name holds a hash of all
that decides the result: a training with other data, params, code or TensorFlow starts again.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np
import tensorflow as tf
from dvclive.live import Live
from tqdm import tqdm

from issuesum.console import bar
from issuesum.errors import ArtifactError, ClusterError
from issuesum.files import replacing_file
from issuesum.text.features import Shards
from issuesum.training.model.batches import Epochs
from issuesum.training.model.distribution import Arrays, Distribution
from issuesum.training.model.interface import ModelConfig
from issuesum.training.model.trainer import Settings, Trainer, Validator

Record = dict[str, float]
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


@dataclass
class Progress:
    """How far training has come."""

    step: int = 0  # global batches learnt
    period_loss: float = 0.0  # sum of the losses since the last validation
    records: list[Record] = field(default_factory=list)  # one per validation, see `Training.run`
    waited: int = 0  # validations since the best one


class Checkpoint:
    """The file of one training."""

    def __init__(self, folder: Path, values: Iterable[Any], files: Iterable[Path]) -> None:
        """Name the file, in a folder that need not exist, by what decides the result.

        That is the representation of `values` and the content of `files` and of this package.
        """
        digest = hashlib.sha256(repr([tf.__version__, *values]).encode())
        found = Path(__file__).parent.rglob("[!.]*.py")
        modules = [path for path in found if path.parent.name[0] != "."]  # none of an editor's
        for path in (*sorted(modules), *files):
            digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
        self._path = folder / f"{digest.hexdigest()[:32]}.npz"

    def save(self, progress: Progress, arrays: dict[str, Arrays]) -> None:
        """Write the file, whole or not at all."""
        named = {f"{group}/{n}": of for group, many in arrays.items() for n, of in enumerate(many)}
        with replacing_file(self._path) as path:
            np.savez(path, progress=np.array(json.dumps(asdict(progress))), **named)

    def load(self) -> tuple[Progress, dict[str, Arrays]] | None:
        """Return what was saved last, or None if there is nothing or it is broken."""
        try:
            with self._path.open("rb") as file, np.load(file, allow_pickle=False) as content:
                progress = Progress(**json.loads(str(content["progress"])))
                arrays: dict[str, Arrays] = {}
                for name in content.files:
                    if "/" in name:
                        arrays.setdefault(name.split("/")[0], []).append(content[name])
                return progress, arrays
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
            return None

    def discard(self) -> None:
        """Remove the file: the training has ended, and its results are in place."""
        self._path.unlink(missing_ok=True)


class Training:
    """One training, from the first batch or from a checkpoint to the last."""

    def __init__(
        self,
        config: ModelConfig,
        settings: Settings,
        shards: Shards,
        *,
        distribution: Distribution,
        validator: Validator,
        checkpoint: Checkpoint,
        report: Callable[[Record], None],
    ) -> None:
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
                self._since = time.monotonic()
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
        found = self._checkpoint.load() if self._is_chief else None
        progress, arrays = found or (Progress(), self._trainer.state())
        best = arrays.pop("best", [])
        if self._distribution.cluster.workers > 1:
            flat = [array for group in arrays.values() for array in group]
            own: list[Any] = [[progress.step, progress.waited], *flat]
            (step, waited), *flat = self._distribution.from_chief(own)
            progress.step, progress.waited = int(step), int(waited)
            values = iter(flat)
            arrays = {name: [next(values) for _ in group] for name, group in arrays.items()}
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
        waiting: list[tf.Tensor] = []

        def take_losses() -> None:
            # Not at each step, since a value taken from a GPU makes Python wait for it.
            progress.period_loss = sum(map(float, waiting), progress.period_loss)
            waiting.clear()

        for batch in batches:
            waiting.append(self._trainer.step(batch))
            progress.step += 1
            self._steps += 1
            shown.update(self._epochs.batch_size)
            due = progress.step % self._period == 0 or progress.step == self._total
            if due or progress.step % self._settings.checkpoint_steps == 0:
                take_losses()
                self._seconds += time.monotonic() - self._since
                if due:
                    self._validate()
                if self._is_chief:
                    self._checkpoint.save(progress, self._trainer.state() | {"best": self._best})
                self._since = time.monotonic()
            if self._is_over():
                break
        take_losses()

    def _validate(self) -> None:
        progress, is_best = self._progress, False
        if self._is_chief:
            weights = self._trainer.averaged()
            loss, rouge_l = self._validator.judge(weights)
            speed = self._steps * self._epochs.batch_size / max(self._seconds, 1e-9)
            self._steps, self._seconds = 0, 0.0
            record = {
                "train/loss": progress.period_loss / (progress.step % self._period or self._period),
                "train/learning_rate": float(self._trainer.optimizer.learning_rate),
                "train/epoch": progress.step / self._epochs.steps,
                EXAMPLES_PER_SECOND: speed,
                "eval/loss": loss,
                "eval/rouge_l": rouge_l,
            }
            if not all(map(math.isfinite, record.values())):
                raise ArtifactError(
                    "Training must have a finite loss. Received: "
                    f"{record['train/loss']} on train, {loss} on validation at step "
                    f"{progress.step}. Try: a lower train.learning_rate."
                )
            earlier = map(self._monitored, progress.records)
            is_best = self._monitored(record) < min(earlier, default=math.inf)
            progress.records.append(record)
            progress.period_loss = 0.0
            if is_best:
                self._best = weights
            self._report(record)
        (is_best_there,) = self._distribution.from_chief([float(is_best)])
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
        # dvc.yaml is ours to write, and a stage must not commit experiments.
        super().__init__(str(folder), dvcyaml=False, save_dvc_exp=False, monitor_system=False)

    def add(self, record: Mapping[str, float]) -> None:
        """Write the next point of each curve, by name: `split/metric`."""
        for name, value in record.items():
            if name == EXAMPLES_PER_SECOND:
                with self._speed.open("a", encoding="utf-8") as file:
                    file.write(f"{self.step}\t{value:.1f}\n")
            else:
                self.log_metric(name, value)
        self.next_step()  # type: ignore[no-untyped-call]

    def best(self, record: Mapping[str, float]) -> None:
        """Write the values of the validation that is kept; they have no curve."""
        for name, value in record.items():
            if name != EXAMPLES_PER_SECOND:
                self.log_metric(f"best/{name}", value, plot=False)
