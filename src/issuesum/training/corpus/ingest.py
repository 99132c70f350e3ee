"""Turn a CSV from anywhere into data/raw: checked, normalised, nothing dropped without a word.

Both files appear whole or not at all, so a source that turns out to be broken after two million
rows leaves what was there before. Rows are streamed; the key of each goes to a temporary file.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from issuesum.errors import DataError
from issuesum.files import replacing_file
from issuesum.training.corpus.fetching import local_copy
from issuesum.training.corpus.issue import COLUMNS, Issue, issue_key
from issuesum.training.corpus.json_lines import as_csv
from issuesum.training.corpus.reading import Reject, Watch, normalise, read_issues
from issuesum.training.corpus.repeats import FirstRow, seen_issues
from issuesum.training.corpus.writing import writing_rows

REJECT_COLUMNS = ("row", "reason", *COLUMNS)
_SHOWN = 500
"""Characters of each field that the rejects file keeps: enough to find the row."""

_REJECTED = "rejected: "

type Rows = Iterable[Issue | Reject]
type Write = Callable[[Sequence[object]], object]


@dataclass(frozen=True)
class IngestReport:
    """What became of the rows of a source: `read == accepted + sum(rejected.values())`.

    Attributes:
        read: data rows of the source.
        accepted: rows that the output now holds from the source.
        rejected: rows set aside, by reason, the most frequent first.
        repeated: accepted rows whose title and body an earlier row of the output has as well.
        without_url: accepted rows whose URL is empty.
        earlier: rows that the output held before and still holds.
    """

    read: int
    accepted: int
    rejected: Mapping[str, int]
    repeated: int
    without_url: int
    earlier: int


def ingest(
    source: str,
    output: Path,
    rejects: Path,
    *,
    append: bool = False,
    watch: Watch | None = None,
) -> IngestReport:
    """Write the usable rows of `source` to `output` and the others to `rejects`.

    Args:
        source: path or http(s):// or s3:// URL of a CSV, gzipped or not, or of JSON lines.
        output: the CSV to replace.
        rejects: the CSV to replace, or to remove if every row is usable.
        append: keep the rows of `output`, byte for byte, before the new ones.
        watch: called now and then while the source is read.

    Raises:
        DataError: the source cannot be used; both files are then as they were.
    """
    if rejects.absolute() in (output.absolute(), Path(source).absolute()):
        raise DataError(
            f"The rejects file must be neither the source nor the output. Received: {rejects}. "
            "Try: another --rejects."
        )
    if rejects.exists() and not _is_ours(rejects):
        raise DataError(
            f"{rejects} must be a rejects file before it is replaced. Received: another file. "
            "Try: another --rejects."
        )
    after = output if append and output.exists() else None
    try:
        with (
            replacing_file(rejects) as refused,
            replacing_file(output) as accepted,
            seen_issues(output.parent) as first_row,
        ):
            earlier = _take_earlier(after, first_row) if after else 0
            with (
                local_copy(source) as copy,
                as_csv(copy, name=source) as path,
                writing_rows(accepted, COLUMNS, after=after) as write,
                writing_rows(refused, REJECT_COLUMNS) as refuse,
            ):
                rows = read_issues(path, name=source, watch=watch)
                counts = _divide(rows, write, refuse, first_row, earlier)
            report = _report(counts, earlier)
            if not report.accepted:
                raise DataError(_nothing_usable(report, source))
        if not report.rejected:
            rejects.unlink()
    except OSError as error:
        raise DataError(
            f"{output} and {rejects} must be writable. Received: {error}. "
            "Try: check permissions and free space."
        ) from error
    return report


def _is_ours(rejects: Path) -> bool:
    with rejects.open("rb") as file:
        return file.readline() == (",".join(REJECT_COLUMNS) + "\n").encode()


def _take_earlier(present: Path, first_row: FirstRow) -> int:
    """Show the present rows to `first_row`, checking that other rows can follow them.

    Returns:
        How many rows there are.
    """
    header = ",".join(COLUMNS) + "\n"
    with present.open("rb") as file:
        ours = file.readline() == header.encode()
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 1))
        ours &= file.read() == b"\n"
    count = 0
    for row in read_issues(present) if ours else ():
        if isinstance(row, Reject):
            ours = False
            break
        count += 1
        first_row(issue_key(row.title, row.body), count)
    if not ours:
        raise DataError(
            f"{present} must be as `issuesum ingest` wrote it, for rows to be appended. "
            f"Received: something else. Try: issuesum ingest {present}, then append."
        )
    return count


def _divide(
    rows: Rows, write: Write, refuse: Write, first_row: FirstRow, earlier: int
) -> Counter[str]:
    """Write every row to one side; count what the report tells."""
    counts: Counter[str] = Counter()
    for row in rows:
        if isinstance(row, Reject):
            counts[_REJECTED + row.reason] += 1
            fields = (text[:_SHOWN] for text in normalise(Issue(row.url, row.title, row.body)))
            refuse((row.row, row.reason, *fields))
            continue
        write(row)
        counts["accepted"] += 1
        counts["without_url"] += not row.url
        key = issue_key(row.title, row.body)
        counts["repeated"] += first_row(key, earlier + counts["accepted"]) is not None
    return counts


def _report(counts: Counter[str], earlier: int) -> IngestReport:
    rejected = {
        reason.removeprefix(_REJECTED): count
        for reason, count in counts.most_common()
        if reason.startswith(_REJECTED)
    }
    return IngestReport(
        read=counts["accepted"] + sum(rejected.values()),
        accepted=counts["accepted"],
        rejected=rejected,
        repeated=counts["repeated"],
        without_url=counts["without_url"],
        earlier=earlier,
    )


def _nothing_usable(report: IngestReport, source: str) -> str:
    expected = f"{source} must hold at least one usable row. Received: "
    if not report.read:
        return expected + "a header and no row. Try: get the file again."
    reason, times = next(iter(report.rejected.items()))
    return expected + (
        f"{report.read:,} rows, all rejected, {times:,} of them because of: {reason}. "
        "Try: check that the columns hold what their names say."
    )
