"""How long commands take that should feel immediate, beside the least that they could take.

    python benchmarks/command_line.py [--repeats 5]

A clone of this repository's HEAD runs the pipeline up to evaluate on a few synthetic issues, with
a model so small that this takes a minute. Then each command is run in turn with the others, so
that a slow moment of the machine meets all. `issuesum` is divided by a Python that does nothing,
and `dvc repro` by `dvc version`, which imports DVC and looks at the repository.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import figures
from clone import ANY_MODEL, Clone
from figures import Ratio
from issuesum.cli import VERBS
from issuesum.errors import IssuesumError

_SMALL = {
    **ANY_MODEL,
    "preprocess.body.keep_n": 300,
    "preprocess.title.keep_n": 150,
    "train.embedding_dim": 8,
    "train.hidden_units": 8,
    "train.epochs": 1,
    "build.parity_rows": 8,
    "evaluate.max_rows": 30,
}
_ROWS = "300"
_PYTHON = ("python", "-c", "pass")
_DVC = ("dvc", "version")
_NOTHING_STALE = ("dvc", "repro", "evaluate")
_VERBS = (("--help",), ("provenance", "serving/bundle"), ("jobs",), ("doctor",))
_MAY_COMPLAIN = "doctor"
"""Of services that the clone does not have."""


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="of each; the median is printed")
    figures.add_option(parser)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="issuesum-bench-") as folder:
        try:
            clone = Clone.of_head(Path(folder) / "project")
            clone.change(_SMALL.items())
            clone.run("issuesum", "sample", "--rows", _ROWS, "--force")
            clone.run(*_NOTHING_STALE)
            clone.commit("Run")
            seconds = _measure(clone, given.repeats)
        except IssuesumError as error:
            sys.exit(f"error: {error}")
    print(f"{os.cpu_count()} cores, median of {given.repeats}")
    for command, taken in seconds.items():
        print(f"  {' '.join(command):34}{taken:8.2f} s")
    ratios = list(compared(seconds))
    print("beside the least")
    for ratio in ratios:
        print(f"  {ratio.what:64}{ratio.value:8.1f}")
    figures.hand_over(ratios, given.json)


def _measure(clone: Clone, repeats: int) -> dict[tuple[str, ...], float]:
    """Return the median seconds of each command."""
    verbs = [("issuesum", *verb) for verb in _VERBS if verb[0] in {"--help", *VERBS}]
    commands: list[tuple[str, ...]] = [_PYTHON, *verbs, _DVC, _NOTHING_STALE]
    rounds = [
        [clone.run(*of, ends_with=None if _MAY_COMPLAIN in of else 0) for of in commands]
        for _ in range(repeats + 1)
    ][1:]  # the first pays for files that the machine has not read yet
    medians = (statistics.median(of) for of in zip(*rounds, strict=True))
    return dict(zip(commands, medians, strict=True))


def compared(seconds: Mapping[tuple[str, ...], float]) -> Iterator[Ratio]:
    """Yield each command's seconds, divided by those of what it could not do without."""
    for command, taken in seconds.items():
        if command in {_PYTHON, _DVC}:
            continue
        least = _DVC if command == _NOTHING_STALE else _PYTHON
        yield Ratio(f"{' '.join(command)}: time beside {' '.join(least)}", taken / seconds[least])


if __name__ == "__main__":
    main()
