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
from issuesum.training.corpus.reading import (
    Form,
    Reject,
    Watch,
    normalise,
    read_issues,
    writing_rows,
)
from issuesum.training.corpus.sources import read_source

REJECT_COLUMNS = ("row", "reason", *COLUMNS)
_SHOWN = 500  # characters of each field that the rejects file keeps: enough to find the row


@dataclass(frozen=True)
class IngestReport:
    """What became of the rows of the sources."""

    read: int  # data rows of the sources: those accepted, present and rejected
    accepted: int  # rows that the output now holds from the sources
    rejected: Mapping[str, int]  # rows set aside, by reason, the most frequent first
    repeated: int  # accepted or present rows whose title and body an earlier row has as well
    without_url: int  # accepted rows whose URL is empty
    earlier: int  # rows that the output held before and still holds
    present: int = 0  # rows left out: an earlier row is equal to them in every column


def ingest(
    sources: Sequence[str], output: Path, rejects: Path, *,
    form: Form = Form(),  # noqa: B008 -- frozen
    after: Path | None = None,
    replacing: Callable[[Path], AbstractContextManager[Path]] = replacing_file,
    watch: Watch | None = None,
) -> IngestReport:  # fmt: skip
    """Write the usable rows of `sources` to `output` and the others to `rejects`.

    Rows that `after` has, equal in every column, are not written again: so a command that was
    interrupted may be repeated, whatever it had done.

    Args:
        sources: see `read_source`; each must have a usable row.
        output: the CSV to replace.
        rejects: the CSV to replace, or to remove if every row is usable.
        form: what is read of a source.
        after: a CSV whose rows are kept, byte for byte, before the new ones, if it is there.
        replacing: gives the path to write to, and replaces `output` when the block ends.
        watch: called with the progress of reading.

    Raises:
        DataError: a source cannot be used; both files are then as they were.
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
    try:
        with ExitStack() as stack:
            refused = stack.enter_context(replacing_file(rejects))
            accepted = stack.enter_context(replacing(output))
            first_row = stack.enter_context(seen_issues(accepted.parent))
            after = after if after and after.exists() else None
            earlier = _take_earlier(after, first_row) if after else 0
            write = stack.enter_context(writing_rows(accepted, COLUMNS, after=after))
            refuse = stack.enter_context(writing_rows(refused, REJECT_COLUMNS))
            tally = _Tally(write, refuse, first_row, earlier)
            for number, source in enumerate(sources):
                tally.divide(source, form, watch, number, len(sources))
        if not tally.rejected:
            rejects.unlink()
    except OSError as error:
        raise DataError(
            f"{output} and {rejects} must be writable. Received: {error}. "
            "Try: check permissions and free space."
        ) from error
    return IngestReport(
        read=tally.read, accepted=tally.accepted, rejected=dict(tally.rejected.most_common()),
        repeated=tally.repeated, without_url=tally.without_url, earlier=earlier,
        present=tally.present,
    )  # fmt: skip


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
        first_row(_whole_key(row), count)
    return count


def _whole_key(row: Issue) -> bytes:
    return digest("\0".join(row))


@dataclass
class _Tally:
    """Writes every row to one of the two files, and counts."""

    write: Callable[[Sequence[object]], object]
    refuse: Callable[[Sequence[object]], object]
    first_row: FirstRow
    earlier: int
    accepted: int = 0
    present: int = 0
    repeated: int = 0
    without_url: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def read(self) -> int:
        return self.accepted + self.present + self.rejected.total()

    def divide(self, source: str, form: Form, watch: Watch | None, number: int, count: int) -> None:
        """Take the rows of source `number` of `count`, of which one must be usable."""
        before, rejected = self.read, Counter(self.rejected)

        def watch_all(rows: int, share: float) -> None:
            if watch:
                watch(before + rows, (number + share) / count)

        for row in read_source(source, form, watch=watch_all):
            if isinstance(row, Issue):
                self._take(row)
                continue
            self.rejected[row.reason] += 1
            place = row.row if count == 1 else f"{source}:{row.row}"
            fields = (text[:_SHOWN] for text in normalise(Issue(row.url, row.title, row.body)))
            self.refuse((place, row.reason, *fields))
        rejected = self.rejected - rejected
        if self.read - before > rejected.total():
            return
        received = "a header and no row. Try: get the file again."
        for reason, times in rejected.most_common(1):
            received = (
                f"{rejected.total():,} rows, all rejected, {times:,} of them because of: {reason}. "
                "Try: check that the columns match their names."
            )
        raise DataError(f"{source} must hold at least one usable row. Received: {received}")

    def _take(self, row: Issue) -> None:
        number = self.earlier + self.accepted + 1
        if self.earlier:
            first = self.first_row(_whole_key(row), number)
            if first is not None and first <= self.earlier:
                self.present += 1
                self.repeated += 1
                return
        self.write(row)
        self.accepted += 1
        self.without_url += not row.url
        self.repeated += self.first_row(issue_key(row.title, row.body), number) is not None
