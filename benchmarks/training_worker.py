"""A process that trains in the project around it, by the train stage (`issuesum`) or `keras` `fit`.

After each pass over the features it prints examples/s and CPU seconds, and waits for a line.
"""

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from unittest.mock import patch

from issuesum.layout import FEATURES
from issuesum.stages.params import load_params
from issuesum.text import features
from issuesum.text.vocabulary import Vocabulary


def main() -> None:
    train = {"issuesum": _train_stage, "keras": _keras_fit}[sys.argv[1]]
    answers, since = sys.stdout, time.process_time()

    def hand_over(examples_per_second: float) -> None:
        nonlocal since
        print(examples_per_second, time.process_time() - since, file=answers, flush=True)
        if not sys.stdin.readline():
            sys.exit()
        since = time.process_time()

    with redirect_stdout(sys.stderr):  # what the stage prints is no answer
        train(hand_over)


def _train_stage(hand_over: Callable[[float], None]) -> None:
    from issuesum.stages import train
    from issuesum.training.model import training
    from issuesum.training.model.checkpoint import Checkpoint

    class Timed(training.Curves):
        """Curves whose next point waits; the stage's own clock stands still meanwhile."""

        def add(self, record: Mapping[str, float]) -> None:
            super().add(record)
            hand_over(record[training.EXAMPLES_PER_SECOND])

    # Between passes the stage keeps a checkpoint, which is no part of a pass.
    with patch.object(training, "Curves", Timed), patch.object(Checkpoint, "save", lambda *_: None):
        train.main(load_params())


def _keras_fit(hand_over: Callable[[float], None]) -> None:
    import keras

    import keras_example

    params = load_params().train
    keras.utils.set_random_seed(params.seed)
    shards = features.Shards(FEATURES / "train")
    rows = shards.head(len(shards))
    model = keras_example.create(
        body_size=Vocabulary.load(FEATURES / features.BODY_VOCABULARY).size,
        body_maxlen=rows.body.shape[1],
        title_size=Vocabulary.load(FEATURES / features.TITLE_VOCABULARY).size,
        embedding_dim=params.embedding_dim,
        hidden_units=params.hidden_units,
    )
    while True:
        started = time.perf_counter()
        inputs = [rows.body, rows.title[:, :-1]]
        model.fit(inputs, rows.title[:, 1:], batch_size=params.batch_size, verbose=0)
        hand_over(len(rows) / (time.perf_counter() - started))


if __name__ == "__main__":
    main()
