"""How fast split and preprocess are, what they hold in memory, and what an append costs.

    python benchmarks/preprocess.py --issues github_issues_medium.csv [--rows 1000000]

Compares with ktext's default way (`ktext_default`) on the same rows in the same run, so that the
ratios mean something on any machine. Large inputs are the given issues, repeated and perturbed
(`synthetic_rows`). The stages run as users run them, as processes of their own.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

import ktext_default
from issuesum.corpus.issue import Issue
from issuesum.corpus.reading import read_issues
from issuesum.preprocessing.counting import count_words
from issuesum.preprocessing.encoding import encode_entry
from issuesum.preprocessing.fields import Fields, FieldSettings
from issuesum.preprocessing.ktext_adapter import make_processor, number_words
from issuesum.preprocessing.tokenise import code_digest, tokenise_shard
from synthetic_rows import write_rows

ROOT = Path(__file__).parents[1]
FIELDS: Fields = {
    "body": FieldSettings(8000, 70, "pre", append_indicators=False),
    "title": FieldSettings(4500, 12, "post", append_indicators=True),
}


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--issues", type=Path, required=True, help="CSV of real issues")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the large input")
    parser.add_argument("--repeats", type=int, default=3, help="of the comparison with ktext")
    arguments = parser.parse_args()
    issues = [row for row in read_issues(arguments.issues) if isinstance(row, Issue)]
    _compare_with_ktext(issues, arguments.repeats)
    with tempfile.TemporaryDirectory(prefix="issuesum-bench-") as folder:
        _scale(arguments.issues, arguments.rows, Path(folder))


def _compare_with_ktext(issues: list[Issue], repeats: int) -> None:
    steps = {
        "texts to words (ktext's process_text with its cleaner, and with ours)": (
            _ktext_words,
            _our_words,
        ),
        "texts to ids (all that ktext does, and all that preprocess does)": (_ktext_ids, _our_ids),
    }
    print(f"{len(issues):,} issues, one process, median of {repeats}")
    for step, ways in steps.items():
        # In turn, so that a slow moment of the machine meets both.
        seconds = [[way(issues) for way in ways] for _ in range(repeats)]
        theirs, ours = (len(issues) / statistics.median(of) for of in zip(*seconds, strict=True))
        print(f"  {step}")
        print(f"    ktext's default {theirs:10,.0f} rows/s a core")
        print(f"    issuesum        {ours:10,.0f} rows/s a core")
        print(f"    ratio           {ours / theirs:10.1f}")


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
class _Tokenising:
    """What preprocess says of its first step."""

    rows: int
    seconds: float


@dataclass(frozen=True)
class _Run:
    """A stage's process: what it printed, seconds, and the peak of its whole tree."""

    output: str
    seconds: float
    peak_mb: float

    @property
    def tokenising(self) -> _Tokenising:
        found = re.search(r"tokenised ([\d,]+) rows in ([\d.]+) s", self.output)
        assert found  # noqa: S101
        return _Tokenising(int(found.group(1).replace(",", "")), float(found.group(2)))


def _scale(source: Path, large: int, folder: Path) -> None:
    small = large // 10
    rows = {"small": small, "large": large, "appended": large + large // 100}
    runs: dict[tuple[str, str], _Run] = {}
    for name, count in rows.items():
        project = _project(folder / ("large" if name == "appended" else name))
        write_rows(source, project / "data/raw/github_issues.csv", count)
        runs[name, "split"] = _stage(project, "split")
        if name == "large":
            runs["one worker", "preprocess"] = _preprocess(project, workers=1, cold=True)
        runs[name, "preprocess"] = _preprocess(project, workers=2, cold=name != "appended")

    print(f"\npreprocess, {large:,} rows: tokenising, start of the workers included")
    one, two = (runs[name, "preprocess"].tokenising for name in ("one worker", "large"))
    print(f"  1 worker {one.rows / one.seconds:12,.0f} rows/s")
    print(f"  2 workers{two.rows / two.seconds:12,.0f} rows/s")
    print(f"  ratio    {one.seconds / two.seconds:12.2f}")
    for stage in ("split", "preprocess"):
        low, high = (runs[name, stage] for name in ("small", "large"))
        print(f"\n{stage}, peak memory of the process and its workers")
        print(f"  {small:>10,} rows {low.peak_mb:8,.0f} MB  {low.seconds:7.1f} s")
        print(f"  {large:>10,} rows {high.peak_mb:8,.0f} MB  {high.seconds:7.1f} s")
        print(f"  growth {100 * (high.peak_mb / low.peak_mb - 1):18.1f} %")
    cold, warm = runs["large", "preprocess"], runs["appended", "preprocess"]
    share = 100 * warm.tokenising.seconds / cold.tokenising.seconds
    print(f"\npreprocess after {rows['appended'] - large:,} rows were appended to {large:,}")
    print(f"  tokenised  {warm.tokenising.rows:8,} rows of {cold.tokenising.rows:,}")
    print(f"  tokenising {warm.tokenising.seconds:8.1f} s of {cold.tokenising.seconds:8.1f} s")
    print(f"  share      {share:8.1f} %")
    print(f"  the stage  {warm.seconds:8.1f} s of {cold.seconds:8.1f} s")


def _project(folder: Path) -> Path:
    if not folder.exists():
        (folder / "data/raw").mkdir(parents=True)
        shutil.copy(ROOT / "params.yaml", folder)
    return folder


def _preprocess(project: Path, *, workers: int, cold: bool) -> _Run:
    if cold:
        shutil.rmtree(project / ".issuesum", ignore_errors=True)
    path = project / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    # After an append the stage decides itself; the others compare equal numbers of processes.
    params["preprocess"]["workers"] = workers if cold else 0
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    return _stage(project, "preprocess")


def _stage(project: Path, name: str) -> _Run:
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", f"issuesum.stages.{name}"],
        cwd=project,
        stdout=subprocess.PIPE,
        text=True,
    )
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(psutil.Process(process.pid), peak))
    watcher.start()
    output, _ = process.communicate()
    watcher.join()
    if process.returncode:
        sys.exit(f"{name} failed")
    return _Run(output, time.perf_counter() - started, peak[0])


def _watch(process: psutil.Process, peak: list[float]) -> None:
    """Note the largest sum of resident memory of a process and its children."""
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        total = 0
        for member in [process, *process.children(recursive=True)]:
            try:
                total += member.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        peak[0] = max(peak[0], total / 1e6)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
