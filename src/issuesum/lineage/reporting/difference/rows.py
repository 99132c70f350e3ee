"""Which rows of the raw data of two images only one of them has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from issuesum.console import reading_bar
from issuesum.training.corpus.issue import Issue, issue_key
from issuesum.training.corpus.reading import read_issues
from issuesum.training.corpus.repeats import seen_issues


@dataclass(frozen=True)
class Rows:
    """Distinct issues; equal are those that split takes for repeats of each other.

    Attributes:
        old: in the old data.
        new: in the new data.
        added: only in the new data.
        removed: only in the old data.
        added_titles: of the first few of them.
        removed_titles: of the first few of them.
    """

    old: int
    new: int
    added: int
    removed: int
    added_titles: tuple[str, ...]
    removed_titles: tuple[str, ...]


def compare_rows(old: Path, new: Path, *, examples: int, scratch: Path) -> Rows:
    """Compare two CSVs of issues in memory that does not grow with them.

    Args:
        old: as `issuesum ingest` wrote it.
        new: as `issuesum ingest` wrote it.
        examples: titles wanted of each kind.
        scratch: an existing folder, where the keys are kept meanwhile, some 30 bytes an issue.

    Raises:
        DataError: a file is no CSV of issues, or the disk is full.
    """
    with seen_issues(scratch) as in_old, seen_issues(scratch) as in_new:
        before = sum(1 for key, _ in _issues(old, "old data") if in_old(key, 0) is None)
        after = 0
        added, added_titles = 0, list[str]()
        for key, title in _issues(new, "new data"):
            if in_new(key, 0) is not None:
                continue
            after += 1
            if in_old(key, 0) is None:
                added += 1
                added_titles += [title] if added <= examples else []
        removed, removed_titles = 0, list[str]()
        for title in _missing(old, in_new):
            removed += 1
            removed_titles += [title] if removed <= examples else []
    return Rows(before, after, added, removed, tuple(added_titles), tuple(removed_titles))


def _missing(path: Path, seen: Callable[[bytes, int], int | None]) -> Iterator[str]:
    """Yield the titles of issues that were never seen, each once."""
    for key, title in _issues(path, "removed"):
        if seen(key, 0) is None:
            yield title


def _issues(path: Path, what: str) -> Iterator[tuple[bytes, str]]:
    with reading_bar(what) as watch:
        for row in read_issues(path, watch=watch):
            if isinstance(row, Issue):
                yield issue_key(row.title, row.body), row.title
