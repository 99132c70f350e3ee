"""How fast ingest, split and preprocess are, what they need, and what an append costs.

Compares with ktext's default way (`ktext_default`) on the same rows in the same run. Large inputs
are the given issues, repeated and perturbed (`synthetic_rows`). They go through a clone: `ingest`,
the two stages, and what DVC does around these. TMPDIR must hold seven times the largest of them.
"""

import argparse
import os
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import ktext_default
from common import Done, Project, Ratio, print_ratios, run, usable
from issuesum.layout import RAW
from issuesum.text.prose import prose
from issuesum.training.corpus.issue import Issue
from issuesum.training.features.counting import count_words
from issuesum.training.features.encoding import encode_entry
from issuesum.training.features.ktext_adapter import (
    Fields,
    FieldSettings,
    import_ktext,
    number_words,
)
from issuesum.training.features.tokenise import code_digest, find_words, tokenise_shard
from synthetic_rows import write_rows

FIELDS: Fields = {
    "body": FieldSettings(8000, 70, "pre", append_indicators=False),
    "title": FieldSettings(4500, 12, "post", append_indicators=True),
}
STEPS = ("ingest", "split", "preprocess", "dvc commit")
"""The last is what `dvc repro` does around the two stages: hashes, and copies in its cache."""
STORES = ("data/raw", "data/split", "data/features", ".issuesum", ".dvc/cache")
_COMPARED = 1_000_000
"""Rows at most with which one worker and an append are timed; more take too long."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--issues", type=Path, required=True, help="CSV of real issues")
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[100_000, 1_000_000], help="of the large inputs"
    )
    parser.add_argument("--repeats", type=int, default=3, help="of the comparison with ktext")
    given = parser.parse_args()
    issues = list(usable(given.issues))
    ratios = _compare_with_ktext(issues, given.repeats)
    with tempfile.TemporaryDirectory(prefix="issuesum-bench-") as folder:
        ratios += scale(given.issues, sorted(given.rows), Path(folder))
    print_ratios(ratios)


def _compare_with_ktext(issues: list[Issue], repeats: int) -> list[Ratio]:
    steps: dict[str, tuple[Callable[[list[Issue]], float], ...]] = {
        "texts to words (ktext's process_text, and ours with template text left out)": (
            _ktext_words,
            _our_words,
        ),
        "texts to ids (all that ktext does, and all that preprocess does)": (_ktext_ids, _our_ids),
    }
    ratios: list[Ratio] = []
    print(f"{len(issues):,} issues, one process, median of {repeats}")
    for step, ways in steps.items():
        # In turn, so that a slow moment of the machine meets both.
        seconds = [[way(issues) for way in ways] for _ in range(repeats)]
        theirs, ours = (len(issues) / statistics.median(of) for of in zip(*seconds, strict=True))
        print(f"  {step}")
        print(f"    ktext's default {theirs:10,.0f} rows/s per core")
        print(f"    issuesum        {ours:10,.0f} rows/s per core")
        ratios.append(Ratio(f"{step.partition(' (')[0]}: rows/s vs. ktext's", ours / theirs))
    return ratios


def _ktext_words(issues: list[Issue]) -> float:
    started = time.process_time()
    for field, settings in FIELDS.items():
        processor = ktext_default.make_processor(settings)
        processor.process_text([getattr(issue, field) for issue in issues])
    return time.process_time() - started


def _our_words(issues: list[Issue]) -> float:
    started = time.process_time()
    find_words(prose(issue.body) for issue in issues)
    find_words(issue.title for issue in issues)
    return time.process_time() - started


def _ktext_ids(issues: list[Issue]) -> float:
    """Do what ktext's `fit_transform` does, without its fork."""
    started = time.process_time()
    for field, settings in FIELDS.items():
        processor = ktext_default.make_processor(settings)
        words = processor.process_text([getattr(issue, field) for issue in issues])
        indexer = import_ktext().custom_Indexer(num_words=settings.keep_n)
        indexer.fit_on_tokenized_texts(words)
        processor.pad(indexer.tokenized_texts_to_sequences(words))
    return time.process_time() - started


def _our_ids(issues: list[Issue]) -> float:
    """Do all that preprocess does: languages, files and ids for copying included."""
    with tempfile.TemporaryDirectory() as folder:
        shard = Path(folder) / "shard.parquet"
        columns = [range(len(issues)), [of.title for of in issues], [of.body for of in issues]]
        pq.write_table(pa.table(list(map(list, columns)), ["row", "issue_title", "body"]), shard)
        started = time.process_time()
        entry = Path(folder) / "entry"
        entry.mkdir()
        made = tokenise_shard("shard", shard.read_bytes(), FIELDS, code_digest())
        for name, content in made.items():
            (entry / name).write_bytes(content)
        counts = count_words([entry], {field: of.keep_n for field, of in FIELDS.items()})
        encode_entry(entry, {f: number_words(counts[f].top, of) for f, of in FIELDS.items()})
        return time.process_time() - started


@dataclass(frozen=True)
class Step:
    """What a file of so many rows and bytes needs, for each of STEPS and STORES."""

    rows: int
    source: int
    taken: dict[str, Done]
    disk: dict[str, int]


def scale(source: Path, rows: Sequence[int], folder: Path) -> list[Ratio]:
    """Print what each number of rows needs; with one of them, how workers and an append do."""
    compared = max((few for few in rows if few <= _COMPARED), default=rows[0])
    steps: list[Step] = []
    ratios: list[Ratio] = []
    for count in rows:
        project = Project.clone(folder / "project")
        steps.append(_measure(source, count, project))
        if count == compared:
            ratios += _compare_workers(project)
            ratios.append(_append(source, project, steps[-1]))
        shutil.rmtree(project.path)
    for line in report(steps):
        print(line)
    first, last = steps[0], steps[-1]
    for name in ("ingest", "split", "preprocess"):
        what = f"{name}: peak memory with {last.rows:,} rows vs. {first.rows:,}"
        ratios.append(Ratio(what, last.taken[name].peak_mb / first.taken[name].peak_mb))
    used = sum(last.disk.values()) / last.source
    return [*ratios, Ratio(f"disk with {last.rows:,} rows: everything vs. the file", used)]


def _measure(source: Path, rows: int, project: Project) -> Step:
    """Ingest `rows` issues made from those of `source` into a clone, and preprocess them."""
    made = project.path.with_name("issues.csv")
    write_rows(source, made, rows)
    size = made.stat().st_size
    taken = {"ingest": project.run("issuesum", "ingest", "--force", str(made), weigh=True)}
    made.unlink()
    for stage in ("split", "preprocess"):
        taken[stage] = project.stage(stage, weigh=True)
    commit = ("dvc", "commit", "--force", "split", "preprocess")
    taken["dvc commit"] = project.run(*commit, weigh=True)
    files = {name: (project.path / name).rglob("*") for name in STORES}
    disk = {name: sum(f.stat().st_size for f in of if f.is_file()) for name, of in files.items()}
    return Step(rows, size, taken, disk)


def report(steps: Sequence[Step]) -> Iterator[str]:
    """Yield lines on time, memory and disk, one for each number of rows."""
    for name in STEPS:
        yield f"\n{name}, peak memory of the process and its workers"
        for step in steps:
            taken = step.taken[name]
            yield f"  {step.rows:>10,} rows {taken.peak_mb:8,.0f} MB  {taken.seconds:7.1f} s"
    yield f"\n{'disk in GB':17}{'file':>7}" + "".join(f"{name:>15}" for name in STORES)
    for step in steps:
        sizes = "".join(f"{size / 1e9:15.2f}" for size in step.disk.values())
        yield f"  {step.rows:>10,} rows{step.source / 1e9:7.2f}{sizes}"


def tokenised(output: str) -> tuple[int, float]:
    """Return the rows and the seconds that preprocess printed for its first step."""
    found = re.search(r"tokenised ([\d,]+) rows in ([\d.]+) s", output)
    assert found  # noqa: S101
    return int(found.group(1).replace(",", "")), float(found.group(2))


def _compare_workers(project: Project) -> Iterator[Ratio]:
    """Compare one worker per core with one; memory is not measured, which would need a core too."""
    count, speeds = os.cpu_count() or 1, []
    for workers in (1, 0):  # the last is one per core, and stays
        shutil.rmtree(project.path / ".issuesum", ignore_errors=True)
        project.change({"preprocess.workers": workers})
        done = project.stage("preprocess")
        rows, seconds = tokenised(done.output)
        speeds.append((rows / done.seconds, rows / seconds))
    steps = ("whole stage", "tokenising, start of the workers included")
    for step, one, many in zip(steps, *speeds, strict=True):
        print(f"\npreprocess, {rows:,} usable rows: {step}")
        print(f"  1 worker {one:12,.0f} rows/s per core\n  {count} workers{many:12,.0f} rows/s")
        what = f"{step.partition(',')[0]}: rows/s of {count} workers vs. 1, same cores"
        yield Ratio(what, many / one)


def _append(source: Path, project: Project, cold: Step) -> Ratio:
    """Print what a hundredth more rows cost; the stage decides itself on the number of workers."""
    more = cold.rows // 100
    write_rows(source, project.path / RAW, cold.rows + more)
    project.stage("split")
    after, before = project.stage("preprocess"), cold.taken["preprocess"]
    (new_rows, new), (all_rows, all_of_it) = tokenised(after.output), tokenised(before.output)
    print(f"\npreprocess after {more:,} rows were appended to {cold.rows:,}")
    print(f"  tokenised  {new_rows:8,} rows of {all_rows:,}")
    print(f"  tokenising {new:8.1f} s of {all_of_it:8.1f} s")
    print(f"  the stage  {after.seconds:8.1f} s of {before.seconds:8.1f} s")
    return Ratio("tokenising after 1 % more rows: time vs. all rows", new / all_of_it)


if __name__ == "__main__":
    run(main)
