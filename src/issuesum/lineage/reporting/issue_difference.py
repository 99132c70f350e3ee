"""Which issues, and which titles of issues, differ between two images."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import batched, islice
from pathlib import Path

from issuesum.console import bar
from issuesum.lineage.dvc import Change
from issuesum.serving.inference.writer import TitleWriter
from issuesum.training.corpus.issue import Issue, issue_key, seen_issues
from issuesum.training.corpus.reading import Reject, read_issues, sample_issues

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
class TitleDifference:
    """How far two models agree."""

    issues: int  # that both wrote a title for
    differing: int  # of them with two titles
    pairs: tuple[Change, ...]  # the two titles of the first of these


def compare_rows(old: Path, new: Path, *, examples: int, scratch: Path) -> RowDifference:
    """Compare two CSVs that `issuesum ingest` wrote, in memory that does not grow with them.

    The keys are kept meanwhile in the existing folder `scratch`, some 30 bytes an issue.

    Raises:
        DataError: a file is no CSV of issues, or the disk is full.
    """
    with seen_issues(scratch) as in_old, seen_issues(scratch) as in_new:
        before = sum(in_old(key, 0) is None for key, _ in _issues(old, "old data"))
        found = (title for key, title in _issues(new, "new data")
                 if in_new(key, 0) is None and in_old(key, 0) is None)  # fmt: skip
        added_titles = tuple(islice(found, examples))
        added = len(added_titles) + sum(1 for _ in found)
        found = (title for key, title in _issues(old, "removed") if in_new(key, 0) is None)
        removed_titles = tuple(islice(found, examples))
        removed = len(removed_titles) + sum(1 for _ in found)
    after = before - removed + added
    return RowDifference(before, after, added, removed, added_titles, removed_titles)


def _issues(path: Path, what: str) -> Iterator[tuple[bytes, str]]:
    with bar(what) as shown:
        for row in read_issues(path, shown=shown):
            if isinstance(row, Issue):
                yield issue_key(row.title, row.body), row.title


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
    issues, differing, pairs = 0, 0, list[Change]()
    bodies = (row.body for row in rows if isinstance(row, Issue))
    with bar("titles") as shown:
        for batch in batched(bodies, _BATCH):
            for pair in map(Change, old.titles(batch), new.titles(batch)):
                issues += 1
                differing += pair.old != pair.new
                if pair.old != pair.new and differing <= examples:
                    pairs.append(pair)
            shown.update(len(batch))
    return TitleDifference(issues, differing, tuple(pairs))
