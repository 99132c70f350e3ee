"""Turn a CSV from anywhere into data/raw: checked, normalised, nothing dropped silently.

Both files appear whole or not at all, so a source that turns out to be broken after two million
rows leaves what was there before. Rows are streamed; the key of each goes to a temporary file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from issuesum.errors import DataError
from issuesum.files import replacing_file
from issuesum.training.corpus.issue import COLUMNS, Issue, issue_key
from issuesum.training.corpus.reading import Reject, Watch, normalise, read_issues, writing_rows
from issuesum.training.corpus.repeats import FirstRow, seen_issues
from issuesum.training.corpus.sources import as_csv, local_copy

REJECT_COLUMNS = ("row", "reason", *COLUMNS)
_SHOWN = 500  # characters of each field that the rejects file keeps: enough to find the row

type Rows = Iterable[Issue | Reject]
type Write = Callable[[Sequence[object]], object]


@dataclass(frozen=True)
class IngestReport:
    """What became of the rows of a source."""

    read: int  # data rows of the source: those accepted and those rejected
    accepted: int  # rows that the output now holds from the source
    rejected: Mapping[str, int]  # rows set aside, by reason, the most frequent first
    repeated: int  # accepted rows whose title and body an earlier row of the output has as well
    without_url: int  # accepted rows whose URL is empty
    earlier: int  # rows that the output held before and still holds


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
    if rejects.exists() and not _begins_with(rejects, REJECT_COLUMNS):
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
                report = _divide(rows, write, refuse, first_row, earlier)
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


def _begins_with(file: Path, columns: Sequence[str]) -> bool:
    with file.open("rb") as opened:
        return opened.readline() == (",".join(columns) + "\n").encode()


def _take_earlier(present: Path, first_row: FirstRow) -> int:
    """Show the present rows to `first_row`; return how many they are, if others can follow them."""
    ours = _begins_with(present, COLUMNS)
    with present.open("rb") as file:
        file.seek(max(0, present.stat().st_size - 1))
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
) -> IngestReport:
    """Write every row to one of the two files."""
    accepted = repeated = without_url = 0
    rejected: Counter[str] = Counter()
    for row in rows:
        if isinstance(row, Reject):
            rejected[row.reason] += 1
            fields = (text[:_SHOWN] for text in normalise(Issue(row.url, row.title, row.body)))
            refuse((row.row, row.reason, *fields))
            continue
        write(row)
        accepted += 1
        without_url += not row.url
        repeated += first_row(issue_key(row.title, row.body), earlier + accepted) is not None
    return IngestReport(
        read=accepted + rejected.total(),
        accepted=accepted,
        rejected=dict(rejected.most_common()),
        repeated=repeated,
        without_url=without_url,
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
