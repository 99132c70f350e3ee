"""The command line of `tools/mutants`."""

from __future__ import annotations

import argparse
import os
import queue
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from mutation.modules import MODULES, source_of
from mutation.mutants import Mutant, mutants_of
from mutation.sampling import sample
from mutation.trial import CheckError, Outcome, Workplace, copy_tree


def main(arguments: list[str], root: Path) -> int:
    """Try a sample of mutants and print what became of them.

    Returns:
        The exit code: 0 even if some survived, since some are equivalent; 1 if the check failed,
        130 if it was interrupted.
    """
    options = _parser().parse_args(arguments)
    modules = options.modules or list(MODULES)
    code = 0
    every: dict[str, list[Mutant]] = {}
    results: list[tuple[str, Outcome]] = []
    try:
        if unknown := sorted(set(modules) - MODULES.keys()):
            raise CheckError(
                f"A module must be one of tools/mutation/modules.py. Received: "
                f"{', '.join(unknown)}. Try: {', '.join(MODULES)}."
            )
        every = {name: mutants_of((root / source_of(name)).read_text("utf-8")) for name in modules}
        chosen = sample(every, options.size, options.seed)
        for module, mutant, outcome in _tried(chosen, root, options.jobs):
            results.append((module, outcome))
            if outcome == "survived":
                tqdm.write(f"{source_of(module)}:{mutant.line}\n{mutant.diff}\n", sys.stdout)
                sys.stdout.flush()
    except CheckError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # what was tried until then is worth telling
        code = 130
    _print_table(results, every)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools/mutants", description=__doc__)
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE", help="such as text/tokens; else all"
    )
    parser.add_argument("--size", type=int, default=200, help="mutants of all modules (200)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (1)")
    cores = os.cpu_count() or 1
    parser.add_argument("--jobs", type=int, default=cores, help="tried at once; one for each core")
    return parser


def _tried(
    chosen: list[tuple[str, Mutant]], root: Path, jobs: int
) -> Iterator[tuple[str, Mutant, Outcome]]:
    places: queue.SimpleQueue[Workplace] = queue.SimpleQueue()

    def baseline(module: str) -> float:
        with _taken(places) as place:
            return place.baseline(module)

    def trial(job: tuple[str, Mutant]) -> Outcome:
        module, mutant = job
        with _taken(places) as place:
            return place.trial(module, mutant.code, seconds[module])

    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(jobs) as pool:
        for number in range(jobs):
            copy = Path(folder) / str(number) / "repository"
            copy_tree(root, copy)
            places.put(Workplace(copy))
        modules = list(dict.fromkeys(module for module, _ in chosen))
        seconds = dict(zip(modules, pool.map(baseline, modules), strict=True))
        trials = pool.map(trial, chosen)
        shown = tqdm(trials, total=len(chosen), unit=" mutants", disable=not sys.stderr.isatty())
        for (module, mutant), outcome in zip(chosen, shown, strict=True):
            yield module, mutant, outcome


@contextmanager
def _taken(places: queue.SimpleQueue[Workplace]) -> Iterator[Workplace]:
    place = places.get()
    try:
        yield place
    finally:
        places.put(place)


def _print_table(results: Iterable[tuple[str, Outcome]], every: Mapping[str, list[Mutant]]) -> None:
    counts = {module: Counter[str]() for module in every}
    for module, outcome in results:
        counts[module][outcome] += 1
    total = sum(counts.values(), Counter[str]())
    print(
        f"{'module':24s}{'mutants':>8s}{'tried':>8s}{'killed':>8s}{'timeout':>8s}{'survived':>9s}"
    )
    for name, of_name in [*counts.items(), ("all", total)]:
        there = len(every[name]) if name in every else sum(map(len, every.values()))
        print(
            f"{name:24s}{there:8,}{of_name.total():8,}{of_name['killed']:8,}"
            f"{of_name['timeout']:8,}{of_name['survived']:9,}"
        )
