"""How fast ingest, split and preprocess are, what they need, and what an append costs.

    python benchmarks/preprocess.py --issues github_issues_medium.csv [--rows 100000 1000000]

Compares with ktext's default way (`ktext_default`) on the same rows in the same run, so that the
ratios mean something on any machine. Large inputs are the given issues, repeated and perturbed
(`synthetic_rows`); `--rows` says how many each has. They go through a clone of this repository's
HEAD: `ingest`, the two stages, and what DVC does around these, each a process (`ladder`).
TMPDIR must hold seven times the largest of these files.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

import figures
import ktext_default
import ladder
from clone import Clone
from figures import Ratio
from issuesum.errors import IssuesumError
from issuesum.layout import RAW
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import read_issues
from issuesum.training.features.counting import count_words
from issuesum.training.features.encoding import encode_entry
from issuesum.training.features.fields import Fields, FieldSettings
from issuesum.training.features.ktext_adapter import make_processor, number_words
from issuesum.training.features.tokenise import code_digest, tokenise_shard
from synthetic_rows import write_rows

_COMPARED = 1_000_000
"""Rows at most with which one worker and an append are timed; more take too long."""
FIELDS: Fields = {
    "body": FieldSettings(8000, 70, "pre", append_indicators=False),
    "title": FieldSettings(4500, 12, "post", append_indicators=True),
}


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--issues", type=Path, required=True, help="CSV of real issues")
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[100_000, 1_000_000], help="of the large inputs"
    )
    parser.add_argument("--repeats", type=int, default=3, help="of the comparison with ktext")
    figures.add_option(parser)
    arguments = parser.parse_args()
    try:
        issues = [row for row in read_issues(arguments.issues) if isinstance(row, Issue)]
        ratios = _compare_with_ktext(issues, arguments.repeats)
        with tempfile.TemporaryDirectory(prefix="issuesum-bench-") as folder:
            ratios += _scale(arguments.issues, sorted(arguments.rows), Path(folder))
        figures.hand_over(ratios, arguments.json)
    except IssuesumError as error:
        sys.exit(f"error: {error}")


def _compare_with_ktext(issues: list[Issue], repeats: int) -> list[Ratio]:
    steps = {
        "texts to words (ktext's process_text with its cleaner, and with ours)": (
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
        print(f"    ktext's default {theirs:10,.0f} rows/s a core")
        print(f"    issuesum        {ours:10,.0f} rows/s a core")
        print(f"    ratio           {ours / theirs:10.1f}")
        ratios.append(Ratio(f"{step.partition(' (')[0]}: rows/s beside ktext's", ours / theirs))
    return ratios


def _processor(settings: FieldSettings, *, default: bool) -> Any:  # noqa: ANN401 -- ktext's
    processor = make_processor(settings)
    if default:
        processor.set_cleaner(ktext_default.clean)
        processor.set_tokenizer(ktext_default.tokenize)
    return processor


def _ktext_words(issues: list[Issue]) -> float:
    return _words(issues, default=True)


def _our_words(issues: list[Issue]) -> float:
    return _words(issues, default=False)


def _words(issues: list[Issue], *, default: bool) -> float:
    started = time.perf_counter()
    for field, settings in FIELDS.items():
        _processor(settings, default=default).process_text([getattr(i, field) for i in issues])
    return time.perf_counter() - started


def _ktext_ids(issues: list[Issue]) -> float:
    """Do what ktext's `fit_transform` does, without its fork."""
    started = time.perf_counter()
    for field, settings in FIELDS.items():
        processor = _processor(settings, default=True)
        words = processor.process_text([getattr(issue, field) for issue in issues])
        indexer = sys.modules["ktext.preprocess"].custom_Indexer(num_words=settings.keep_n)
        indexer.fit_on_tokenized_texts(words)
        processor.pad(indexer.tokenized_texts_to_sequences(words))
    return time.perf_counter() - started


def _our_ids(issues: list[Issue]) -> float:
    """Do all that preprocess does: languages, files and ids for copying included."""
    with tempfile.TemporaryDirectory() as folder:
        shard = Path(folder) / "shard.parquet"
        columns = {
            "row": range(len(issues)),
            "issue_title": [issue.title for issue in issues],
            "body": [issue.body for issue in issues],
        }
        pq.write_table(pa.table({k: list(v) for k, v in columns.items()}), shard)
        started = time.perf_counter()
        entry = Path(folder) / "entry"
        entry.mkdir()
        made = tokenise_shard("shard", shard.read_bytes(), FIELDS, code_digest())
        for name, content in made.items():
            (entry / name).write_bytes(content)
        counts = count_words([entry], {field: of.keep_n for field, of in FIELDS.items()})
        encode_entry(entry, {f: number_words(counts[f].top, of) for f, of in FIELDS.items()})
        return time.perf_counter() - started


@dataclass(frozen=True)
class Tokenising:
    """What preprocess says of its first step."""

    rows: int
    seconds: float

    @classmethod
    def of(cls, output: str) -> Self:
        """Read it from what the stage printed."""
        found = re.search(r"tokenised ([\d,]+) rows in ([\d.]+) s", output)
        assert found  # noqa: S101
        return cls(int(found.group(1).replace(",", "")), float(found.group(2)))


def _scale(source: Path, rows: Sequence[int], folder: Path) -> list[Ratio]:
    """Print what each number of rows needs; with one of them, how workers and an append do."""
    compared = max((few for few in rows if few <= _COMPARED), default=rows[0])
    rungs: list[ladder.Rung] = []
    ratios: list[Ratio] = []
    for count in rows:
        project = Clone.of_head(folder / "project")
        rungs.append(ladder.climb(source, count, project))
        if count == compared:
            ratios.append(_compare_workers(project, rungs[-1]))
            ratios.append(_append(source, project, rungs[-1]))
        shutil.rmtree(project.path)
    for line in ladder.report(rungs):
        print(line)
    for step in ("ingest", "split", "preprocess"):
        named = f"{step}: peak memory with {rows[-1]:,} rows beside {rows[0]:,}"
        ratios.append(Ratio(named, ladder.growth(rungs, step)))
    used = sum(rungs[-1].disk.values()) / rungs[-1].source
    ratios.append(Ratio(f"disk with {rows[-1]:,} rows: everything beside the file", used))
    return ratios


def _compare_workers(project: Clone, cold: ladder.Rung) -> Ratio:
    """Print how a cold run with one worker a core, which was made, does beside one with one."""
    workers = os.cpu_count() or 1
    shutil.rmtree(project.path / ".issuesum")
    project.change([("preprocess.workers", 1)])
    one = Tokenising.of(ladder.run_stage(project, "preprocess").output)
    many = Tokenising.of(cold.steps["preprocess"].output)
    print(f"\npreprocess, {cold.rows:,} rows: tokenising, start of the workers included")
    print(f"  1 worker {one.rows / one.seconds:12,.0f} rows/s")
    print(f"  {workers} workers{many.rows / many.seconds:12,.0f} rows/s")
    print(f"  ratio    {one.seconds / many.seconds:12.2f}")
    named = f"tokenising: rows/s of {workers} workers beside 1, same cores"
    return Ratio(named, one.seconds / many.seconds)


def _append(source: Path, project: Clone, cold: ladder.Rung) -> Ratio:
    """Print what a hundredth more rows cost; the stage decides itself on the number of workers."""
    more = cold.rows // 100
    project.change([("preprocess.workers", 0)])
    write_rows(source, project.path / RAW, cold.rows + more)
    ladder.run_stage(project, "split")
    taken = ladder.run_stage(project, "preprocess")
    before, after = cold.steps["preprocess"], Tokenising.of(taken.output)
    all_of_it = Tokenising.of(before.output)
    share = after.seconds / all_of_it.seconds
    print(f"\npreprocess after {more:,} rows were appended to {cold.rows:,}")
    print(f"  tokenised  {after.rows:8,} rows of {all_of_it.rows:,}")
    print(f"  tokenising {after.seconds:8.1f} s of {all_of_it.seconds:8.1f} s")
    print(f"  share      {100 * share:8.1f} %")
    print(f"  the stage  {taken.seconds:8.1f} s of {before.seconds:8.1f} s")
    return Ratio("tokenising after 1 % more rows: time beside all rows", share)


if __name__ == "__main__":
    main()
