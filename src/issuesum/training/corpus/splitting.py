"""Which split an issue belongs to, decided by the issue alone.

The split is a hash of the normalised title and body, or of the repository that the URL names:
adding or reordering rows moves no old row, and equal issues are never in two splits.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from issuesum.errors import DataError
from issuesum.layout import SPLITS, Split
from issuesum.training.corpus.issue import COLUMNS, digest, issue_key, repository_of, seen_issues
from issuesum.training.corpus.reading import Bar, Reject, read_issues
from issuesum.training.corpus.shards import ShardWriter, SplitSummary

_EXAMPLES = 3  # rows that a message names


def split_of(key: bytes, *, validation: float, test: float) -> Split:
    """Return the split of the issue or repository with this hash, given the splits' shares.

    The first 8 bytes of the key are read as a number uniform in [0, 1).
    """
    place = int.from_bytes(key[:8], "big") / 2**64
    if place < test:
        return "test"
    return "validation" if place < test + validation else "train"


def split_csv(
    source: Path, targets: Mapping[Split, Path], *,
    validation: float, test: float, shard_rows: int,
    group: Literal["issue", "repository"] = "issue",
    max_rejected: float = 1, max_repeated: float = 1, shown: Bar | None = None,
) -> SplitSummary:  # fmt: skip
    """Stream a raw CSV, as `issuesum ingest` writes it, into Parquet shards.

    Shards are cut by input position, `shard_rows` rows of the source each, so appended rows touch
    only the last ones. Of issues that repeat, the first is kept. `targets` are existing, empty
    folders; the other params are those of the section `split` of params.yaml. An issue whose URL
    names no repository stands for itself where those of a repository stay together. DataError: the
    source cannot be used, a split would be empty, or a share is too large.
    """
    if not source.is_file():
        raise DataError(
            f"{source} must be a CSV with the columns {', '.join(COLUMNS)}. "
            "Received: no such file. Try: issuesum ingest FILE, or dvc pull."
        )
    rows, splits = 0, Counter[Split]()
    rejected = _LeftOut("split.limits.rejected", max_rejected)
    repeated = _LeftOut("split.limits.repeated", max_repeated)
    with ExitStack() as stack:
        first_row = stack.enter_context(seen_issues(targets["train"].parent))
        writers = {
            split: stack.enter_context(ShardWriter(folder, shard_rows))
            for split, folder in targets.items()
        }
        for rows, row in enumerate(read_issues(source, shown=shown), start=1):
            if isinstance(row, Reject):
                rejected.add(row.reason, f"row {rows:,} ({row.reason})")
                continue
            key = issue_key(row.title, row.body)
            first = first_row(key, rows)
            if first is not None:
                repeated.add("repeated", f"row {rows:,} repeats row {first:,}")
                continue
            if group == "repository" and (repository := repository_of(row.url)):
                key = digest(repository)
            split = split_of(key, validation=validation, test=test)
            writers[split].write(rows, row)
            splits[split] += 1
    usable = rows - rejected.reasons.total()
    rejected.check(f"rows of {source} that cannot be used", rows)
    repeated.check(f"usable rows of {source} that repeat an earlier one", usable)
    if not all(splits[split] for split in SPLITS):
        raise DataError(
            f"Every split must hold at least one issue. Received: {splits['train']:,} train, "
            f"{splits['validation']:,} validation and {splits['test']:,} test from {source}. "
            "Try: ingest more rows, or raise split.validation and split.test."
        )
    reasons, counts = dict(rejected.reasons.most_common()), (splits[split] for split in SPLITS)
    return SplitSummary(rows, reasons, usable - splits.total(), *counts)


@dataclass
class _LeftOut:
    """Rows that are in no split: how many, why, and the first few for a message."""

    limit: str  # the param
    most: float  # its value
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def add(self, reason: str, example: str) -> None:
        self.reasons[reason] += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(example)

    def check(self, what: str, total: int) -> None:
        count = self.reasons.total()
        if count <= self.most * total:
            return
        examples = ", ".join(self.examples) + (", …" if count > len(self.examples) else "")
        raise DataError(
            f"The share of {what} must be at most {self.most:g} ({self.limit}). Received: "
            f"{count / total:.3g} ({count:,} of {total:,}): {examples}. "
            f"Try: fix the source and ingest it again, or raise {self.limit}."
        )
