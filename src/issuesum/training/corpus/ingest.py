"""Turn issues from anywhere into data/raw: checked, nothing dropped silently.

Both files appear whole or not at all. Rows are streamed; the key of each goes to a temporary file.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from issuesum.errors import DataError
from issuesum.files import replacing_file
from issuesum.training.corpus.issue import COLUMNS, FirstRow, Issue, digest, issue_key, seen_issues
from issuesum.training.corpus.reading import Bar, Form, Reject, normalise, read_issues, writing_rows
from issuesum.training.corpus.sources import read_source

REJECT_COLUMNS = ("row", "reason", *COLUMNS)
_SHOWN = 500  # characters of each field that the rejects file keeps: enough to find the row


@dataclass
class IngestReport:
    """What became of the rows of the sources."""

    read: int = 0  # data rows of the sources: those accepted, present and rejected
    accepted: int = 0  # rows that the output now holds from the sources
    rejected: Mapping[str, int] = field(default_factory=dict)  # by reason, most frequent first
    repeated: int = 0  # accepted or present rows whose title and body an earlier row has as well
    without_url: int = 0  # accepted rows whose URL is empty
    earlier: int = 0  # rows that the output held before and still holds
    present: int = 0  # rows left out: an earlier row is equal to them in every column


def ingest(
    sources: Sequence[str], output: Path, rejects: Path, *,
    form: Form = Form(),  # noqa: B008 -- frozen
    after: Path | None = None,
    replacing: Callable[[Path], AbstractContextManager[Path]] = replacing_file,
    shown: Bar | None = None,
) -> IngestReport:  # fmt: skip
    """Write the usable rows of `sources` to `output` and the others to `rejects`.

    DataError: a source (see `read_source`) cannot be used or has no usable row; both files are then
    as they were.

    Args:
        sources: of the rows.
        output: the CSV to replace.
        rejects: the CSV to replace, or to remove if every row is usable.
        form: what is read of a source.
        after: a CSV, if it is there, whose rows are kept, byte for byte, before the new ones. Those
            equal to one of them in every column are not written again: so a command that was
            interrupted may be repeated, whatever it had done.
        replacing: gives the path to write to, and replaces `output` when the block ends.
        shown: a bar of the rows that are read.
    """
    if rejects.absolute() in (output.absolute(), *(Path(source).absolute() for source in sources)):
        raise DataError(
            f"The rejects file must be neither the source nor the output. Received: {rejects}. "
            "Try: another --rejects."
        )
    if rejects.exists() and not _begins_with(rejects, REJECT_COLUMNS):
        raise DataError(
            f"{rejects} must be a rejects file before it is replaced. Received: another file. "
            "Try: another --rejects."
        )
    rejected: Counter[str] = Counter()
    try:
        with ExitStack() as stack:
            refused = stack.enter_context(replacing_file(rejects))
            accepted = stack.enter_context(replacing(output))
            first_row = stack.enter_context(seen_issues(accepted.parent))
            after = after if after and after.exists() else None
            report = IngestReport(earlier=_take_earlier(after, first_row) if after else 0)
            write = stack.enter_context(writing_rows(accepted, COLUMNS, after=after))
            refuse = stack.enter_context(writing_rows(refused, REJECT_COLUMNS))
            for source in sources:
                reasons: Counter[str] = Counter()
                before = report.read
                for row in read_source(source, form, shown=shown):
                    report.read += 1
                    if isinstance(row, Reject):
                        reasons[row.reason] += 1
                        place = row.row if len(sources) == 1 else f"{source}:{row.row}"
                        texts = normalise(Issue(row.url, row.title, row.body))
                        refuse((place, row.reason, *(text[:_SHOWN] for text in texts)))
                    elif _is_new(row, report, first_row):
                        write(row)
                if report.read - before == reasons.total():
                    raise _unusable(source, reasons)
                rejected += reasons
        if not rejected:
            rejects.unlink()
    except OSError as error:
        raise DataError(
            f"{output} and {rejects} must be writable. Received: {error}. "
            "Try: check permissions and free space."
        ) from error
    report.rejected = dict(rejected.most_common())
    return report


def _begins_with(file: Path, columns: Sequence[str]) -> bool:
    with file.open("rb") as opened:
        return opened.readline() == (",".join(columns) + "\n").encode()


def _take_earlier(present: Path, first_row: FirstRow) -> int:
    """Pass the present rows to `first_row`; return how many they are, if others can follow them."""
    other = DataError(
        f"{present} must be as `issuesum ingest` wrote it, for rows to be appended. "
        f"Received: something else. Try: issuesum ingest {present}, then append."
    )
    with present.open("rb") as file:
        file.seek(max(0, present.stat().st_size - 1))
        ended = file.read() == b"\n"
    if not (ended and _begins_with(present, COLUMNS)):
        raise other
    count = 0
    for count, row in enumerate(read_issues(present), start=1):
        if isinstance(row, Reject):
            raise other
        first_row(issue_key(row.title, row.body), count)
        first_row(digest("\0".join(row)), count)  # of the whole row
    return count


def _is_new(row: Issue, report: IngestReport, first_row: FirstRow) -> bool:
    """Count a usable row; return whether no earlier row is equal to it."""
    number = report.earlier + report.accepted + 1
    if report.earlier:
        first = first_row(digest("\0".join(row)), number)
        if first is not None and first <= report.earlier:
            report.present += 1
            report.repeated += 1
            return False
    report.accepted += 1
    report.without_url += not row.url
    report.repeated += first_row(issue_key(row.title, row.body), number) is not None
    return True


def _unusable(source: str, reasons: Counter[str]) -> DataError:
    received = "a header and no row. Try: get the file again."
    for reason, times in reasons.most_common(1):
        received = (
            f"{reasons.total():,} rows, all rejected, {times:,} of them because of: {reason}. "
            "Try: check that the columns match their names."
        )
    return DataError(f"{source} must hold at least one usable row. Received: {received}")
