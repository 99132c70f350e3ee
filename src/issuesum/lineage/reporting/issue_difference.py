"""Which issues, and which titles of issues, differ between two images."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import batched
from pathlib import Path

from issuesum.console import bar, reading_bar
from issuesum.serving.inference.writer import TitleWriter
from issuesum.training.corpus.issue import Issue, issue_key, seen_issues
from issuesum.training.corpus.reading import Reject, read_issues
from issuesum.training.corpus.sample import sample_issues

_SYNTHETIC = 88
_BATCH = 32


@dataclass(frozen=True)
class RowDifference:
    """Distinct issues; equal are those that split takes for repeats of each other."""

    old: int  # in the old data
    new: int
    added: int  # only in the new data
    removed: int  # only in the old data
    added_titles: tuple[str, ...]  # of the first few of them
    removed_titles: tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """Two titles of one issue."""

    old: str
    new: str


@dataclass(frozen=True)
class TitleDifference:
    """How far two models agree."""

    issues: int  # that both wrote a title for
    differing: int  # of them with two titles
    pairs: tuple[Pair, ...]  # the first of these


class _Kept[T]:
    """A count of things, of which the first are kept."""

    def __init__(self, most: int) -> None:
        self.most, self.count, self.first = most, 0, list[T]()

    def append(self, one: T) -> None:
        self.count += 1
        if self.count <= self.most:
            self.first.append(one)


def compare_rows(old: Path, new: Path, *, examples: int, scratch: Path) -> RowDifference:
    """Compare two CSVs that `issuesum ingest` wrote, in memory that does not grow with them.

    Args:
        old: a file.
        new: the other one.
        examples: titles wanted of each kind.
        scratch: an existing folder, where the keys are kept meanwhile, some 30 bytes an issue.

    Raises:
        DataError: a file is no CSV of issues, or the disk is full.
    """
    added, removed = _Kept[str](examples), _Kept[str](examples)
    after = 0
    with seen_issues(scratch) as in_old, seen_issues(scratch) as in_new:
        before = sum(in_old(key, 0) is None for key, _ in _issues(old, "old data"))
        for key, title in _issues(new, "new data"):
            if in_new(key, 0) is None:
                after += 1
                if in_old(key, 0) is None:
                    added.append(title)
        for key, title in _issues(old, "removed"):
            if in_new(key, 0) is None:
                removed.append(title)
    return RowDifference(
        before, after, added.count, removed.count, tuple(added.first), tuple(removed.first)
    )


def fixed_issues() -> Iterator[Issue]:
    """Yield 100 issues, always the same: a dozen written by hand, then synthetic ones."""
    written = files("issuesum.lineage.reporting").joinpath("issues.jsonl")
    for line in written.read_text(encoding="utf-8").splitlines():
        yield Issue("", "", json.loads(line)["body"])
    yield from sample_issues(_SYNTHETIC)


def compare_titles(
    rows: Iterable[Issue | Reject], old: TitleWriter, new: TitleWriter, *, examples: int
) -> TitleDifference:
    """Have both models title issues, a batch at a time, and keep some pairs that differ."""
    issues, pairs = 0, _Kept[Pair](examples)
    bodies = (row.body for row in rows if isinstance(row, Issue))
    with bar("titles") as shown:
        for batch in batched(bodies, _BATCH):
            for pair in map(Pair, old.titles(batch), new.titles(batch)):
                issues += 1
                if pair.old != pair.new:
                    pairs.append(pair)
            shown.update(len(batch))
    return TitleDifference(issues, pairs.count, tuple(pairs.first))


def _issues(path: Path, what: str) -> Iterator[tuple[bytes, str]]:
    with reading_bar(what) as watch:
        for row in read_issues(path, watch=watch):
            if isinstance(row, Issue):
                yield issue_key(row.title, row.body), row.title
