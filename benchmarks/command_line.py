"""How long commands take that should feel immediate, compared with the least that they could take.

In a clone in which a small model was evaluated, commands take turns. `issuesum` is divided by a
Python that does nothing, `dvc repro` by `dvc version`, which imports DVC and opens the repository.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from common import ANY_MODEL, Project, Ratio, print_ratios, run, train

_SMALL = {
    **ANY_MODEL,
    "preprocess.body.keep_n": 300,
    "preprocess.title.keep_n": 150,
    **train(embedding_dim=8, hidden_units=8, epochs=1),
    "build.parity_rows": 8,
    "evaluate.max_rows": 30,
}
_PYTHON = ("python", "-c", "pass")
_DVC = ("dvc", "version")
_NOTHING_STALE = ("dvc", "repro", "evaluate")
_MAY_FAIL = ("issuesum", "doctor")  # the clone has no services
_VERBS = [("issuesum", *of.split()) for of in ("--help", "provenance serving/bundle", "jobs")]
_COMMANDS = (_PYTHON, *_VERBS, _MAY_FAIL, _DVC, _NOTHING_STALE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="of each; the median is printed")
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory(prefix="issuesum-bench-") as folder:
        clone = Project.clone(Path(folder) / "project")
        clone.change(_SMALL)
        clone.run("issuesum", "sample", "--rows", "300", "--force")
        clone.run(*_NOTHING_STALE)
        clone.commit("Run")
        seconds = _measure(clone, repeats)
    print(f"{os.cpu_count()} cores, median of {repeats}")
    for command, taken in seconds.items():
        print(f"  {' '.join(command):34}{taken:8.2f} s")
    print_ratios(ratios(seconds))


def _measure(clone: Project, repeats: int) -> dict[tuple[str, ...], float]:
    rounds = [
        [clone.run(*of, ends_with=None if of == _MAY_FAIL else 0).seconds for of in _COMMANDS]
        for _ in range(repeats + 1)
    ][1:]  # the first pays for files that the machine has not read yet
    medians = (statistics.median(of) for of in zip(*rounds, strict=True))
    return dict(zip(_COMMANDS, medians, strict=True))


def ratios(seconds: Mapping[tuple[str, ...], float]) -> Iterator[Ratio]:
    for command, taken in seconds.items():
        if command not in {_PYTHON, _DVC}:
            least = _DVC if command == _NOTHING_STALE else _PYTHON
            yield Ratio(f"{' '.join(command)}: time vs. {' '.join(least)}", taken / seconds[least])


if __name__ == "__main__":
    run(main)
