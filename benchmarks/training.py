"""How fast training is, and whether two workers do what one does.

    python benchmarks/training.py [--issues github_issues_medium.csv]

First the 2018 example's model at its sizes: the train stage with `train.arch: seq2seq` beside
Keras' `fit` at full width (`keras_example`), on the same rows in batches of the same size, a pass
each in turn. Both are processes that stay (`training_worker`), so compilation is behind them. Then
the model of params.yaml, for information, and a small one in one process and in two (`loopback`).

Without --issues the rows are made up: words without meaning, as long as those of the example.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Self

import numpy as np

import figures
import loopback
from figures import Ratio
from issuesum.errors import IssuesumError
from issuesum.layout import FEATURES
from issuesum.text.features import Shards, save_shard
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.writing import write_issues
from project import Changes, Project, say

EXAMPLE: Changes = {
    "train.arch": "seq2seq",
    "train.embedding_dim": 300,
    "train.hidden_units": 300,
    "train.dropout": 0.0,
    "train.word_dropout": 0.0,
    "train.label_smoothing": 0.0,
    "train.learning_rate": 0.001,
}
SIZES: Changes = {
    "preprocess.body.keep_n": 8000,
    "preprocess.body.padding_maxlen": 70,
    "preprocess.title.keep_n": 4500,
    "preprocess.title.padding_maxlen": 12,
    "preprocess.limits.unknown": 1,  # what the words are does not matter here
}
PASSES: Changes = {
    # A validation, behind which the worker waits, after each pass; it ends when told to.
    "train.epochs": 1_000,
    "train.max_steps": 1_000_000,
    "train.eval_steps": 1_000_000,
    "train.patience": 1_000_000,
    "train.validation_rows": 8,
}
SMALL: Changes = {
    "train.embedding_dim": 32,
    "train.hidden_units": 32,
    "train.batch_size": 32,
    "train.validation_rows": 200,
    "train.epochs": 1_000,
    "train.patience": 1_000,
}

BODY_WORDS = (2, 11, 17, 24, 32, 42, 54, 71, 97, 141, 374)
"""Deciles of the words of a body in the example's 5,000 issues, the shortest and longest too."""
TITLE_WORDS = (2, 3, 4, 5, 5, 6, 7, 8, 9, 11, 43)
_WORDS = 30_000


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--issues", type=Path, action="append", help="CSV of issues")
    parser.add_argument("--rows", type=int, default=2048, help="rows of a pass at most")
    parser.add_argument("--pairs", type=int, default=5, help="of passes that are compared")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[128, 32])
    parser.add_argument("--steps", type=int, default=30, help="updates with one and two workers")
    figures.add_option(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="issuesum-bench-") as folder:
        project = Project(Path(folder) / "project")
        try:
            rows = _prepare(project, arguments.issues, arguments.rows)
            print(f"{rows:,} rows a pass, median of {arguments.pairs} passes of each")
            print("the 2018 example's model")
            ratios = _compare_with_keras(project, arguments.batch_sizes, arguments.pairs)
            _time_default(project, arguments.pairs)
            ratios.append(_compare_workers(project, arguments.steps))
            figures.hand_over(ratios, arguments.json)
        except IssuesumError as error:
            sys.exit(f"error: {error}")


def _prepare(project: Project, sources: list[Path] | None, rows: int) -> int:
    """Make features with so many rows to learn, or all if there are fewer; return how many."""
    project.change(SIZES)
    if not sources:
        sources = [project.folder / "made_up.csv"]
        write_issues(sources[0], made_up(rows * 3 // 2))
    project.ingest(sources)
    project.stage("split")
    project.stage("preprocess")
    shards = Shards(project.folder / FEATURES / "train")
    kept = shards.head(rows)
    for path in shards.paths[1:]:
        path.unlink()
    save_shard(shards.paths[0], kept)
    return len(kept)


def made_up(rows: int, seed: int = 0) -> Iterator[Issue]:
    """Yield issues of as many words as real ones; frequencies of words follow Zipf's law."""
    draw = np.random.default_rng(seed)

    def text(deciles: tuple[int, ...]) -> str:
        length = round(float(np.interp(draw.random() * 10, range(11), deciles)))
        return " ".join(f"w{int(_WORDS ** draw.random())}" for _ in range(length))

    for number in range(rows):
        yield Issue(f"https://example.com/{number}", text(TITLE_WORDS), text(BODY_WORDS))


class Pass(NamedTuple):
    """What a pass over all rows took."""

    examples_per_second: float
    cpu_seconds: float


class Worker:
    """A process that trains a pass whenever it is asked to; see `training_worker`."""

    def __init__(self, way: Literal["issuesum", "keras"], project: Project) -> None:
        """Start it.

        Args:
            way: of training.
            project: holds params and features, which it reads at once.
        """
        self._log = project.folder / f"{way}.log"
        with self._log.open("w") as log:
            self._process = project.start(
                str(Path(__file__).with_name("training_worker.py")),
                way,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def __enter__(self) -> Self:
        """Train the first pass, compilation included, which is not counted."""
        self._read()
        return self

    def __exit__(self, *error: object) -> None:
        """End it."""
        self._process.communicate()

    def train(self) -> Pass:
        """Train another pass."""
        asking = self._process.stdin
        assert asking  # noqa: S101
        asking.write("\n")
        asking.flush()
        return self._read()

    def _read(self) -> Pass:
        answers = self._process.stdout
        assert answers  # noqa: S101
        line = answers.readline()
        if not line:
            self._process.communicate()
            sys.exit(f"training failed:\n{self._log.read_text(encoding='utf-8')}")
        return Pass(*map(float, line.split()))


def _compare_with_keras(project: Project, batch_sizes: list[int], pairs: int) -> list[Ratio]:
    ratios: list[Ratio] = []
    for size in batch_sizes:
        example = project.fork(
            f"batches-of-{size}", {**EXAMPLE, **PASSES, "train.batch_size": size}
        )
        say(f"train in {example.folder}")
        with Worker("keras", example) as keras, Worker("issuesum", example) as issuesum:
            passes = [_pair(keras, issuesum, number) for number in range(pairs)]
        print(f"  batches of {size}")
        for line in compared(passes):
            print(f"    {line}")
        faster, cheaper = gains(passes)
        named = f"the 2018 example's model, batches of {size}"
        ratios += [
            Ratio(f"{named}: examples/s beside Keras fit", faster),
            Ratio(f"{named}: CPU time of Keras fit beside ours", cheaper),
        ]
    return ratios


def _pair(keras: Worker, issuesum: Worker, number: int) -> tuple[Pass, Pass]:
    """Train with both; which begins changes from pair to pair."""
    if number % 2:
        ours = issuesum.train()
        return keras.train(), ours
    return keras.train(), issuesum.train()


def compared(pairs: Sequence[tuple[Pass, Pass]]) -> Iterator[str]:
    """Yield lines on pairs of a pass of Keras and one of ours."""
    theirs, ours = zip(*pairs, strict=True)
    for name, passes in (("Keras fit, full width", theirs), ("issuesum", ours)):
        speed = statistics.median(of.examples_per_second for of in passes)
        cpu = statistics.median(of.cpu_seconds for of in passes)
        yield f"{name:24}{speed:8,.0f} examples/s{cpu:10.1f} s of CPU"
    faster, cheaper = gains(pairs)
    yield f"{'ratio':24}{faster:8.2f}           {cheaper:10.2f}"


def gains(pairs: Sequence[tuple[Pass, Pass]]) -> tuple[float, float]:
    """Return by how much ours is faster, and by how much it takes less CPU time.

    The latter hardly depends on what else the machine does.
    """
    return (
        statistics.median(b.examples_per_second / a.examples_per_second for a, b in pairs),
        statistics.median(a.cpu_seconds / b.cpu_seconds for a, b in pairs),
    )


def _time_default(project: Project, passes: int) -> None:
    default = project.fork("default", PASSES)
    say(f"train in {default.folder}")
    with Worker("issuesum", default) as worker:
        speed = statistics.median(worker.train().examples_per_second for _ in range(passes))
    dials = default.params.train
    print(f"{dials.arch} as in params.yaml, batches of {dials.batch_size}")
    print(f"    {'issuesum':24}{speed:8,.0f} examples/s")


def _compare_workers(project: Project, updates: int) -> Ratio:
    period = max(1, updates // 6)
    small = project.fork("small", {**SMALL, "train.max_steps": updates, "train.eval_steps": period})
    one, two = (loopback.train(small, workers) for workers in (1, 2))
    dials = small.params.train
    print(
        f"\n{updates} updates of a small {dials.arch}, dropout {dials.dropout:g}, "
        f"batches of {dials.batch_size}, on 1 and 2 workers of {os.cpu_count()} cores"
    )
    for line in loopback.report(one, two, period=period):
        print(line)
    speeds = two.examples_per_second / one.examples_per_second
    return Ratio("a small model: examples/s of 2 workers beside 1, same cores", speeds)


if __name__ == "__main__":
    main()
