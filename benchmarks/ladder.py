"""What a file of so many issues needs from `issuesum ingest` to the ids that train learns from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from clone import Clone
from synthetic_rows import write_rows
from watched import Watched

STEPS = ("ingest", "split", "preprocess", "dvc commit")
"""The last is what `dvc repro` does around the two stages: hashes, and copies in its cache."""
STORES = ("data/raw", "data/split", "data/features", ".issuesum", ".dvc/cache")
_GIGABYTE = 1e9


@dataclass(frozen=True)
class Rung:
    """What was measured with one number of rows.

    Attributes:
        rows: of the file.
        source: bytes of the file.
        steps: of STEPS, by name.
        disk: bytes of each of STORES at the end.
    """

    rows: int
    source: int
    steps: dict[str, Watched]
    disk: dict[str, int]


def climb(source: Path, rows: int, project: Clone) -> Rung:
    """Ingest `rows` issues made from those of `source` into a clone, and preprocess them."""
    made = project.path.with_name("issues.csv")
    write_rows(source, made, rows)
    size = made.stat().st_size
    steps = {"ingest": project.watch("issuesum", "ingest", "--force", str(made))}
    made.unlink()
    for stage in ("split", "preprocess"):
        steps[stage] = run_stage(project, stage)
    steps["dvc commit"] = project.watch("dvc", "commit", "--force", "split", "preprocess")
    disk = {name: _bytes_below(project.path / name) for name in STORES}
    return Rung(rows, size, steps, disk)


def run_stage(project: Clone, name: str) -> Watched:
    """Run a stage by itself, without DVC around it, and return what it took."""
    return project.watch("python", "-m", f"issuesum.stages.{name}")


def report(rungs: Sequence[Rung]) -> Iterator[str]:
    """Yield lines on time, memory and disk; each figure has its number of rows beside it."""
    for step in STEPS:
        yield ""
        yield f"{step}, peak memory of the process and its workers"
        for rung in rungs:
            taken = rung.steps[step]
            yield f"  {rung.rows:>10,} rows {taken.peak_mb:8,.0f} MB  {taken.seconds:7.1f} s"
        yield f"  growth {100 * (growth(rungs, step) - 1):18.1f} %"
    yield ""
    yield "all of these steps"
    for rung in rungs:
        seconds = sum(taken.seconds for taken in rung.steps.values())
        yield f"  {rung.rows:>10,} rows {seconds:21.1f} s"
    yield ""
    yield f"{'disk in GB':17}{'file':>7}" + "".join(f"{name:>15}" for name in (*STORES, "all"))
    for rung in rungs:
        sizes = (rung.source, *rung.disk.values(), sum(rung.disk.values()))
        first, *others = (size / _GIGABYTE for size in sizes)
        yield f"  {rung.rows:>10,} rows{first:7.2f}" + "".join(f"{size:15.2f}" for size in others)


def growth(rungs: Sequence[Rung], step: str) -> float:
    """Return the peak memory of a step on the last rung, divided by that on the first."""
    return rungs[-1].steps[step].peak_mb / rungs[0].steps[step].peak_mb


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
