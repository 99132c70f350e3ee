"""The titles that two models write for the same issues."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import batched

from issuesum.console import bar
from issuesum.serving.inference.writer import TitleWriter
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import Reject
from issuesum.training.corpus.sample import sample_issues

_SYNTHETIC = 88
_BATCH = 32


@dataclass(frozen=True)
class Pair:
    """Two titles of one issue."""

    old: str
    new: str


@dataclass(frozen=True)
class Titles:
    """How far two models agree.

    Attributes:
        issues: that both wrote a title for.
        differing: of them with two titles.
        pairs: the first of these.
    """

    issues: int
    differing: int
    pairs: tuple[Pair, ...]


def fixed_issues() -> Iterator[Issue]:
    """Yield 100 issues, always the same: a dozen written by hand, then synthetic ones."""
    written = (
        files("issuesum.lineage.reporting.difference")
        .joinpath("issues.jsonl")
        .read_text(encoding="utf-8")
    )
    for line in written.splitlines():
        yield Issue("", "", json.loads(line)["body"])
    yield from sample_issues(_SYNTHETIC)


def compare_titles(
    rows: Iterable[Issue | Reject], old: TitleWriter, new: TitleWriter, *, examples: int
) -> Titles:
    """Have both models write titles; no more than a batch is held at once.

    Args:
        rows: issues; what cannot be used is passed over.
        old: a model.
        new: another one.
        examples: pairs that are kept.
    """
    issues = differing = 0
    pairs: list[Pair] = []
    bodies = (row.body for row in rows if isinstance(row, Issue))
    with bar("titles") as shown:
        for batch in batched(bodies, _BATCH):
            for pair in map(Pair, old.titles(batch), new.titles(batch)):
                issues += 1
                if pair.old != pair.new:
                    differing += 1
                    pairs += [pair] if differing <= examples else []
            shown.update(len(batch))
    return Titles(issues, differing, tuple(pairs))
