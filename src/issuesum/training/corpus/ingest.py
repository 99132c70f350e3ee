"""Turn a CSV or JSON lines from anywhere into data/raw: checked, nothing dropped silently.

Both files appear whole or not at all: a source that breaks after two million rows leaves what was
there before. Rows are streamed; the key of each goes to a temporary file.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from issuesum.errors import DataError, one_line
from issuesum.files import replacing_file
from issuesum.training.corpus.issue import COLUMNS, FirstRow, Issue, issue_key, seen_issues
from issuesum.training.corpus.reading import Reject, Watch, normalise, read_issues, writing_rows

REJECT_COLUMNS = ("row", "reason", *COLUMNS)
_SHOWN = 500  # characters of each field that the rejects file keeps: enough to find the row
_HTTP = ("http://", "https://")
type _Write = Callable[[Sequence[object]], object]


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
    source: str, output: Path, rejects: Path, *, append: bool = False, watch: Watch | None = None
) -> IngestReport:
    """Write the usable rows of `source` to `output` and the others to `rejects`.

    Args:
        source: path or http(s):// or s3:// URL of a CSV, gzipped or not, or of JSON lines.
        output: the CSV to replace.
        rejects: the CSV to replace, or to remove if every row is usable.
        append: keep the rows of `output`, byte for byte, before the new ones.
        watch: called with the progress of reading.

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
                raise _nothing_usable(report, source)
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
    return count


def _divide(
    rows: Iterable[Issue | Reject], write: _Write, refuse: _Write, first_row: FirstRow, earlier: int
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


def _nothing_usable(report: IngestReport, source: str) -> DataError:
    received = "a header and no row. Try: get the file again."
    for reason, times in islice(report.rejected.items(), 1):
        received = (
            f"{report.read:,} rows, all rejected, {times:,} of them because of: {reason}. "
            "Try: check that the columns match their names."
        )
    return DataError(f"{source} must hold at least one usable row. Received: {received}")


@contextmanager
def local_copy(source: str) -> Iterator[Path]:
    """Give a path that holds the bytes of `source`; a download is removed afterwards.

    A URL that cannot be read, or to whose end not, is a DataError.
    """
    if not source.startswith((*_HTTP, "s3://")):
        yield Path(source)
        return
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        target = Path(folder) / "download"
        _download(source, target)
        yield target


def _download(url: str, target: Path) -> None:
    import aiohttp
    import fsspec

    # By default aiohttp ends any download after 5 minutes and ignores proxies.
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)
    http = {"client_kwargs": {"timeout": timeout, "trust_env": True}}
    try:
        files, path = fsspec.url_to_fs(url, **(http if url.startswith(_HTTP) else {}))
        files.get_file(path, str(target))
        expected = files.info(path).get("size")
    except Exception as error:  # every protocol brings error classes of its own
        missing = isinstance(error, FileNotFoundError)
        reason = "not found" if missing else one_line(error) or type(error).__name__
        raise DataError(
            f"{url} must be readable to its end. Received: {reason}. "
            "Try: check the address and your credentials, then run the command again."
        ) from error
    received = target.stat().st_size
    if expected not in (None, received):
        raise DataError(
            f"{url} must arrive whole. Received: {received:,} of {expected:,} bytes. "
            "Try: run the command again."
        )


@contextmanager
def as_csv(path: Path, *, name: str) -> Iterator[Path]:
    """Give `path`, or a temporary CSV of the same rows if it holds JSON lines.

    A line is an object with the keys `issue_title` and `body`, and perhaps `issue_url`, as the
    server keeps of feedback; other keys are ignored. What is no text is left empty, for the reader
    of the CSV to reject. JSON lines begin with a brace, which no header does. A line that is no
    JSON object in UTF-8 is a DataError, which calls the file `name`.
    """
    if not _is_json(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        target = Path(folder) / "rows.csv"
        with path.open("rb") as file, writing_rows(target, COLUMNS) as write:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    write(_issue(line, f"line {number:,} of {name}"))
        yield target


def _is_json(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:  # whoever reads it reports the error
        return file.read(1) == b"{"
    return False


def _issue(line: bytes, where: str) -> Issue:
    content, received = None, ""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        received = str(error)
    if not isinstance(content, dict):
        raise DataError(
            f"{where} must be a JSON object. Received: {received or repr(content):.100}. "
            "Try: remove that line."
        )
    values = (content.get(column) for column in COLUMNS)
    texts = (value if isinstance(value, str) else "" for value in values)
    # What a server received may hold half a surrogate pair, which no file can. Line ends of one
    # kind: `csv` writes a lone carriage return without quotes.
    return normalise(Issue(*(text.encode(errors="replace").decode() for text in texts)))
