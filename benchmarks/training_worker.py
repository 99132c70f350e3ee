"""One process that trains in the project around it, pass by pass, when it is told to.

    python benchmarks/training_worker.py issuesum|keras

After each pass over data/features/train it prints its examples a second and its CPU seconds, and
waits for a line; it ends when there is none. The first pass includes compilation. `issuesum` is the
train stage itself, `keras` is `fit` on the same rows in batches of the same size.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import TextIO
from unittest.mock import patch

from issuesum.layout import FEATURES
from issuesum.stages.params import load_params
from issuesum.text import features
from issuesum.text.vocabulary import Vocabulary


def main() -> None:
    """Train in the way that the command line names."""
    train = {"issuesum": _train_stage, "keras": _keras_fit}[sys.argv[1]]
    clock = _Clock(sys.stdout)
    with redirect_stdout(sys.stderr):  # what the stage says is no answer
        train(clock)


def _train_stage(clock: _Clock) -> None:
    from issuesum.stages import train
    from issuesum.training.model import checkpoint, curves

    class Paced(curves.Curves):
        """Curves whose next point waits: the stage's own clock stands still meanwhile."""

        def add(self, record: Mapping[str, float]) -> None:
            super().add(record)
            clock.hand_over(record[curves.EXAMPLES_PER_SECOND])

    # Between passes the stage keeps a checkpoint, which is no part of a pass.
    with (
        patch.object(curves, "Curves", Paced),
        patch.object(checkpoint.Checkpoint, "save", lambda *_: None),
    ):
        train.main(load_params())


def _keras_fit(clock: _Clock) -> None:
    import keras

    import keras_example

    dials = load_params().train
    keras.utils.set_random_seed(dials.seed)
    shards = features.Shards(FEATURES / "train")
    rows = shards.head(len(shards))
    model = keras_example.create(
        body_size=Vocabulary.load(FEATURES / features.BODY_VOCABULARY).size,
        body_maxlen=rows.body.shape[1],
        title_size=Vocabulary.load(FEATURES / features.TITLE_VOCABULARY).size,
        embedding_dim=dials.embedding_dim,
        hidden_units=dials.hidden_units,
    )
    while True:
        started = time.perf_counter()
        model.fit(
            [rows.body, rows.title[:, :-1]],
            rows.title[:, 1:],
            batch_size=dials.batch_size,
            verbose=0,
        )
        clock.hand_over(len(rows) / (time.perf_counter() - started))


class _Clock:
    """CPU seconds of passes, all threads together."""

    def __init__(self, answers: TextIO) -> None:
        self._answers = answers
        self._since = time.process_time()

    def hand_over(self, examples_per_second: float) -> None:
        cpu_seconds = time.process_time() - self._since
        print(examples_per_second, cpu_seconds, file=self._answers, flush=True)
        if not sys.stdin.readline():
            sys.exit()
        self._since = time.process_time()


if __name__ == "__main__":
    main()
