"""How fast training is, and whether two workers do what one does.

The 2018 example's model at its sizes: the train stage vs. Keras' `fit` at full width, on the same
rows and batches, a pass each in turn, compilation left out. The model of params.yaml, next to the
machine's limit: floating-point operations of its matrix products per second vs. products alone. A
small one in one process and in two, which find each other by TF_CONFIG and share this machine's
cores. Without --issues the rows are words without meaning, as long as the example's.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from common import EXAMPLE, Project, Ratio, print_ratios, read_speeds, run
from common import train as parameters
from issuesum.layout import CURVES, FEATURES, SPEED
from issuesum.stages.params import TrainParams
from issuesum.text.features import TITLE_VOCABULARY, Features, Shards, save_shard
from issuesum.text.vocabulary import Vocabulary
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import write_issues

SIZES = {
    "preprocess.body.keep_n": 8000,
    "preprocess.body.padding_maxlen": 70,
    "preprocess.title.keep_n": 4500,
    "preprocess.title.padding_maxlen": 12,
    "preprocess.limits.unknown": 1,  # what the words are does not matter here
}
# A validation after each pass, then the worker waits; it ends when its input does.
PASSES = parameters(
    epochs=1_000, max_steps=1_000_000, eval_steps=1_000_000, patience=1_000_000, validation_rows=8
)
SMALL = parameters(
    embedding_dim=32, hidden_units=32, batch_size=32, validation_rows=200, epochs=1_000,
    patience=1_000,
)  # fmt: skip
BODY_WORDS = (2, 11, 17, 24, 32, 42, 54, 71, 97, 141, 374)
"""Deciles of the words of a body in the example's 5,000 issues, the shortest and longest too."""
TITLE_WORDS = (2, 3, 4, 5, 5, 6, 7, 8, 9, 11, 43)
_WORDS = 30_000
_LARGE = 2048


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--issues", type=Path, action="append", help="CSV of issues")
    parser.add_argument("--rows", type=int, default=2048, help="rows of a pass at most")
    parser.add_argument("--pairs", type=int, default=5, help="of passes that are compared")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[128, 32])
    parser.add_argument("--steps", type=int, default=30, help="updates with one and two workers")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="issuesum-bench-") as folder:
        project = Project.clone(Path(folder) / "project")
        rows = _prepare(project, given.issues, given.rows)
        print(f"{rows:,} rows a pass, median of {given.pairs} passes of each")
        ratios = _compare_with_keras(project, given.batch_sizes, given.pairs)
        ratios += _time_default(project, given.pairs)
        ratios.append(_compare_workers(project, given.steps))
        print_ratios(ratios)


def _prepare(project: Project, sources: list[Path] | None, rows: int) -> int:
    project.change(SIZES)
    if not sources:
        sources = [project.path / "made_up.csv"]
        write_issues(sources[0], made_up(rows * 3 // 2))
    project.ingest(sources)
    project.stage("split")
    project.stage("preprocess")
    shards = Shards(project.path / FEATURES / "train")
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


@contextmanager
def worker(way: Literal["issuesum", "keras"], project: Project) -> Iterator[Callable[[], Pass]]:
    """Start `training_worker` in a project with features; give what trains another pass."""
    path = project.path / f"{way}.log"
    script = str(Path(__file__).with_name("training_worker.py"))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with path.open("w") as log:
        process = project.start("python", script, way, stderr=log, **pipes)
    asking, answers = process.stdin, process.stdout

    def read() -> Pass:
        line = answers.readline() if answers else ""
        if not line:
            sys.exit(f"training failed:\n{path.read_text(encoding='utf-8')}")
        return Pass(*map(float, line.split()))

    def train() -> Pass:
        print(file=asking, flush=True)
        return read()

    try:
        read()
        yield train
    finally:
        process.communicate()


def _compare_with_keras(project: Project, batch_sizes: list[int], pairs: int) -> list[Ratio]:
    ratios: list[Ratio] = []
    for size in batch_sizes:
        changes = {**EXAMPLE, **PASSES, "train.batch_size": size}
        example = project.fork(f"batches-of-{size}", changes)
        with worker("keras", example) as keras, worker("issuesum", example) as issuesum:
            passes = [(keras(), issuesum()) for _ in range(pairs)]
        named = f"the 2018 example's model, batches of {size}"
        print(named)
        for name, each in zip(("Keras fit", "issuesum"), zip(*passes, strict=True), strict=True):
            speed, cpu = map(statistics.median, zip(*each, strict=True))
            print(f"    {name:24}{speed:8,.0f} examples/s{cpu:10.1f} s of CPU")
        faster, cheaper = gains(passes)
        ratios.append(Ratio(f"{named}: examples/s vs. Keras fit", faster))
        ratios.append(Ratio(f"{named}: CPU time of Keras fit vs. ours", cheaper))
    return ratios


def gains(pairs: Sequence[tuple[Pass, ...]]) -> tuple[float, float]:
    """Return by how much ours is faster than Keras, and takes less CPU time."""
    return (
        statistics.median(b.examples_per_second / a.examples_per_second for a, b in pairs),
        statistics.median(a.cpu_seconds / b.cpu_seconds for a, b in pairs),
    )


def _time_default(project: Project, passes: int) -> list[Ratio]:
    default = project.fork("default", PASSES)
    params, features = default.params.train, default.path / FEATURES
    recurrent = (params.batch_size, params.hidden_units, 3 * params.hidden_units)
    limits = {"the encoder's recurrence": recurrent, "a large one": (_LARGE,) * 3}
    speeds: list[float] = []
    products: list[list[float]] = []
    with worker("issuesum", default) as train_pass:
        for _ in range(passes):  # in turn, so that a slow moment of the machine meets all
            speeds.append(train_pass().examples_per_second)
            products.append([product_speed(*shape) for shape in limits.values()])
    speed, ratios = statistics.median(speeds), []
    rows = Shards(features / "train").head(sys.maxsize)
    title_size = Vocabulary.load(features / TITLE_VOCABULARY).size
    reached = speed * training_operations(rows, params, title_size) / len(rows)
    print(f"{params.arch} as in params.yaml, batches of {params.batch_size}")
    print(f"    {'issuesum':24}{speed:8,.0f} examples/s, {reached / 1e9:.1f} GFLOP/s in products")
    for what, each in zip(limits, zip(*products, strict=True), strict=True):
        limit = statistics.median(each)
        named = "{0} x {1} times {1} x {2}".format(*limits[what])
        print(f"    {what:24}{limit / 1e9:8,.1f} GFLOP/s: {named}, float32, numpy")
        ratios.append(Ratio(f"training: FLOP/s vs. products like {what}", reached / limit))
    return ratios


def product_speed(rows: int, inner: int, columns: int, seconds: float = 0.3) -> float:
    """Return the FLOP/s of float32 products (rows, inner) times (inner, columns), on all cores."""
    one, other = (np.ones(of, np.float32) for of in ((rows, inner), (inner, columns)))
    into = one @ other
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        np.matmul(one, other, out=into)
        count += 1
    return 2 * rows * inner * columns * count / (time.perf_counter() - started)


def training_operations(rows: Features, params: TrainParams, title_size: int) -> float:
    """Return the floating-point operations that a pass of `pointer` over `rows` cannot do without.

    Counted are its matrix products by their shapes: 2mnk for (m, n) times (n, k), and as much again
    for the gradient of each factor, three times in all (Kaplan et al. 2020, arXiv:2001.08361,
    section 2.1). A batch is as wide as its longest body.
    """
    width, units = params.embedding_dim, params.hidden_units
    steps = rows.title.shape[1] - 1
    lengths = np.sort(np.count_nonzero(rows.body, axis=1))
    places = float(np.mean(lengths[params.batch_size - 1 :: params.batch_size]))
    encoder = (6 * width + 8 * units) * units  # input, recurrence, key
    attention = 8 * units  # read, hints, energy, context
    decoder = (
        (8 * width + 4 * units) * units  # what is read at the last word, input, recurrence, query
        + (3 * units + 2 * width) * (width + 1)  # output word, generate
        + width * title_size
    )
    products = places * (encoder + steps * attention) + steps * decoder + 2 * units * units
    return 3 * 2 * products * len(rows)


def _compare_workers(project: Project, updates: int) -> Ratio:
    period = max(1, updates // 6)
    small = project.fork("small", {**SMALL, "train.max_steps": updates, "train.eval_steps": period})
    (losses, one), (others, two) = (train(small, workers) for workers in (1, 2))
    params = small.params.train
    print(f"\n{updates} updates of a small {params.arch}, batches of {params.batch_size}, "
          f"on 1 and 2 workers of {os.cpu_count()} cores")  # fmt: skip
    print(f"  largest relative difference of losses {largest_difference(losses, others):13.1e}")
    print(f"  1 worker   {one:30,.0f} examples/s\n  2 workers  {two:30,.0f} examples/s")
    return Ratio("a small model: examples/s of 2 workers vs. 1, same cores", two / one)


def largest_difference(losses: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    return float(np.max(np.abs(losses - others) / np.abs(losses)))


def train(project: Project, workers: int) -> tuple[NDArray[np.float64], float]:
    """Run the train stage in so many processes, each in a project of its own.

    Returns:
        Losses of the training and of the validation split at each validation, and examples/s.
    """
    threads = {"TF_NUM_INTRAOP_THREADS": str(max(1, (os.cpu_count() or 1) // workers))}
    copies = [project.fork(f"worker-{number}-of-{workers}", {}) for number in range(workers)]
    processes = []
    for copy, config in zip(copies, _configs(workers), strict=True):
        with (copy.path / "log").open("w") as log:
            into = {"stdout": log, "stderr": subprocess.STDOUT, "env": {**threads, **config}}
            processes.append(copy.start("python", "-m", "issuesum.stages", "train", **into))
    while None in (codes := [process.poll() for process in processes]) and not any(codes):
        time.sleep(0.1)
    for process in processes:  # when one failed, the others would wait for it
        process.kill()
        process.wait()
    for copy, code in zip(copies, codes, strict=True):
        if code:
            sys.exit(f"train failed:\n{(copy.path / 'log').read_text(encoding='utf-8')}")
    plots = copies[0].path / CURVES / "plots/metrics"
    tables = (np.genfromtxt(plots / split / "loss.tsv", names=True) for split in ("train", "eval"))
    speeds = read_speeds(copies[0].path / SPEED)
    losses = np.stack([np.atleast_1d(table["loss"]) for table in tables])
    return losses, statistics.median(speeds[1:] or speeds)


def _configs(workers: int) -> list[dict[str, str]]:
    if workers == 1:
        return [{}]
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(workers)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        cluster = {"worker": [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]}
    tasks = [{"type": "worker", "index": number} for number in range(workers)]
    return [{"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})} for task in tasks]


if __name__ == "__main__":
    run(main)
