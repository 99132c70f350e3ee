"""The same training in one process and in several on this machine, compared.

The workers find each other by TF_CONFIG on ports of 127.0.0.1, as they would on several machines,
and share this one's cores: one worker has them all, each of two has half of them.
"""

from __future__ import annotations

import csv
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from issuesum.layout import CURVES, SPEED
from pace import read_speeds
from project import Project, say

_SIDES = ("train", "eval")


@dataclass(frozen=True)
class Course:
    """What a training reported.

    Attributes:
        losses: on the train and on the validation side, at each validation.
        examples_per_second: between validations, compilation left out; the median.
        threads: of each worker.
    """

    losses: list[tuple[float, float]]
    examples_per_second: float
    threads: int


def train(project: Project, workers: int) -> Course:
    """Run the train stage in so many processes, each in a project of its own.

    Args:
        project: holds params and features.
        workers: 1 trains without TF_CONFIG.
    """
    threads = max(1, (os.cpu_count() or 1) // workers)
    copies = [project.fork(f"worker-{number}-of-{workers}", {}) for number in range(workers)]
    say(f"train, {workers} worker{'s' * (workers > 1)}, in {project.folder}")
    with ExitStack() as stack:
        configs = _configs(workers)
        logs = [stack.enter_context((of.folder / "log").open("w+")) for of in copies]
        processes = [
            copy.start(
                "-m",
                "issuesum.stages.train",
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**config, "TF_NUM_INTRAOP_THREADS": str(threads)},
            )
            for copy, config, log in zip(copies, configs, logs, strict=True)
        ]
        _wait(processes, [of.folder / "log" for of in copies])
    chief = copies[0].folder
    losses = zip(*(_read_losses(chief / CURVES, side) for side in _SIDES), strict=True)
    speeds = read_speeds(chief / SPEED)
    return Course(list(losses), statistics.median(speeds[1:] or speeds), threads)


def largest_difference(one: Course, other: Course) -> float:
    """Return the largest relative difference of their losses."""
    pairs = zip(one.losses, other.losses, strict=True)
    return max(
        abs(a - b) / abs(a) for left, right in pairs for a, b in zip(left, right, strict=True)
    )


def report(one: Course, two: Course, *, period: int) -> Iterator[str]:
    """Yield lines that compare one worker with two, which validated after each `period` updates."""
    yield "  update   train loss             validation loss"
    yield "           1 worker   2 workers   1 worker   2 workers"
    for number, (left, right) in enumerate(zip(one.losses, two.losses, strict=True), start=1):
        pairs = zip(left, right, strict=True)
        yield f"  {number * period:6}" + "".join(f"{a:11.6f}{b:12.6f}" for a, b in pairs)
    yield f"  largest relative difference {largest_difference(one, two):17.1e}"
    for name, course in (("1 worker ", one), ("2 workers", two)):
        threads = f"{course.threads} thread{'s' * (course.threads > 1)}"
        yield f"  {name} of {threads:12} {course.examples_per_second:20,.0f} examples/s"
    yield f"  ratio {two.examples_per_second / one.examples_per_second:40.2f}"


def _configs(workers: int) -> list[dict[str, str]]:
    """Return the variables of each worker."""
    if workers == 1:
        return [{}]
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(workers)]}
    tasks = [{"type": "worker", "index": number} for number in range(workers)]
    return [{"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})} for task in tasks]


def free_ports(count: int) -> list[int]:
    """Return different ports of 127.0.0.1 on which nothing listens now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait(processes: Sequence[subprocess.Popen[str]], logs: Sequence[Path]) -> None:
    """Wait for all; when one fails, end the others, which would wait for it, and this process."""
    while None in (codes := [process.poll() for process in processes]) and not any(codes):
        time.sleep(0.1)
    failed = [log for log, process in zip(logs, processes, strict=True) if process.returncode]
    for process in processes:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if failed:
        sys.exit(f"train failed:\n{failed[0].read_text(encoding='utf-8')}")


def _read_losses(curves: Path, side: str) -> list[float]:
    path = curves / "plots" / "metrics" / side / "loss.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file, delimiter="\t")]
