r"""Read a CSV of issues row by row; what cannot be used comes out with its row and reason.

`csv` would lose data silently: it takes an end of file inside quotes for the end of the field. So
a file that ends there, bytes that are not UTF-8 and a truncated gzip stream are errors that stop
the reading, while a single bad row is a `Reject`.

Rows are written in one form, so that equal rows give equal bytes: UTF-8 without a mark, `\n`
between rows, quotes only where needed.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import shutil
import sys
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, TextIO

from issuesum.errors import DataError
from issuesum.training.corpus.issue import COLUMNS, Issue

MAX_FIELD = 2**20
"""Characters of a field; a longer one is no text that a person wrote."""
_RUNAWAY = 2**24
"""Characters of a field or line after which a quote counts as never closed: `csv` takes 4 bytes a
character. A field of 100 MB ends the reading at 81 MB of memory; with 2**26 it took 394 MB."""
_WATCHED = 1_000
_GZIP_MAGIC = b"\x1f\x8b"
_ABSENT = sys.maxsize  # place of a column that is not in the header: every row is too short for it

type Watch = Callable[[int, float], None]
"""Takes the number of rows and the share of the file's bytes that have been read so far."""


class Reject(NamedTuple):
    """A row that cannot be used; URL, title and body as received, empty if the row is too short."""

    row: int  # number of the data row, counted from 1; the header and blank lines do not count
    reason: str
    url: str
    title: str
    body: str


def normalise(issue: Issue) -> Issue:
    r"""Return `issue` as it is stored; doing so twice changes nothing.

    Line ends become `\n`, URL and title lose the white space around them, and the URL loses the
    literal double quotes that the Kaggle data set wraps it in.
    """
    url, title, body = (text.replace("\r\n", "\n").replace("\r", "\n") for text in issue)
    url = url.strip()
    while len(url) > 1 and url[0] == url[-1] == '"':
        url = url[1:-1].strip()
    return Issue(url, title.strip(), body)


def read_issues(
    path: Path | io.BufferedReader,
    *,
    name: str | None = None,
    columns: Sequence[str] = COLUMNS,
    optional: Collection[str] = (),
    watch: Watch | None = None,
) -> Iterator[Issue | Reject]:
    """Yield each row of a CSV, or of a gzipped one, as a normalised issue or as a reject.

    Args:
        path: the file, or a stream such as a pipe, which is closed at the end; gzip is detected.
        name: what messages call the file; by default `path`.
        columns: those of COLUMNS that are read; the others are left empty.
        optional: those of `columns` that the header need not have.
        watch: called every 1,000 rows and at the end; a pipe must have none, since it has no size.

    Raises:
        DataError: the file as a whole cannot be trusted or has no usable header.
    """
    source = _Place(name or str(path))
    with _readable(path, source) as (text, share):
        rows = _rows(text, source)
        header = next(rows, None)
        if header is None:
            raise DataError(
                f"{source.name} must hold rows of issues. Received: an empty file. "
                "Try: get the file again."
            )
        positions = _positions(header, columns, optional, source.name)
        titled = "issue_title" in columns
        for row in rows:
            fields = Issue(*[row[at] if at < len(row) else "" for at in positions])
            if len(row) == len(header):
                reason = _problem(fields, titled=titled)
            else:
                reason = f"too {'few' if len(row) < len(header) else 'many'} fields"
            yield Reject(source.row, reason, *fields) if reason else normalise(fields)
            if watch and source.row % _WATCHED == 0:
                watch(source.row, share())
        if watch:
            watch(source.row, 1.0)


@dataclass
class _Place:
    """How far the reader is, for messages."""

    name: str
    row: int = -1  # the last one that was read whole; 0 is the header

    @property
    def next(self) -> str:
        return f"row {self.row + 1:,}" if self.row >= 0 else "the header"


@contextmanager
def _readable(
    path: Path | io.BufferedReader, source: _Place
) -> Iterator[tuple[TextIO, Callable[[], float]]]:
    try:
        with path.open("rb") if isinstance(path, Path) else path as file:
            zipped = file.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC)
            binary = gzip.GzipFile(fileobj=file) if zipped else file
            text = io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")
            try:
                yield text, lambda: file.tell() / os.fstat(file.fileno()).st_size
            except UnicodeDecodeError as error:
                where = ""
                if binary.seekable():  # unlike a pipe
                    # `error.start` counts from the chunk being decoded, and that chunk ends here.
                    where = f"at offset {binary.tell() - len(error.object) + error.start:,}, "
                raise DataError(
                    f"{source.name} must be UTF-8. Received: byte 0x{error.object[error.start]:02x}"
                    f" {where}in or after {source.next}. "
                    "Try: iconv -f ENCODING -t UTF-8."
                ) from error
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise DataError(
                    f"{source.name} must be a whole gzip file. Received: in or after "
                    f"{source.next}: {error}. Try: get the file again."
                ) from error
    except OSError as error:
        raise DataError(
            f"{source.name} must be a file that can be read. Received: {error.strerror or error}. "
            "Try: check the path."
        ) from error


def _rows(text: TextIO, source: _Place) -> Iterator[list[str]]:
    """Yield header and rows without blank lines; detect quotes that never close."""
    ended = False

    def lines() -> Iterator[str]:
        nonlocal ended
        for line in iter(partial(text.readline, _RUNAWAY), ""):
            if len(line) == _RUNAWAY:
                raise csv.Error(f"line of {_RUNAWAY:,} characters or more")
            yield line
        # One blank line more: a row of its own, unless a quoted field is still open.
        ended = True
        yield "\n"

    before = csv.field_size_limit(_RUNAWAY)
    try:
        for row in csv.reader(lines()):
            if row and ended:
                raise DataError(
                    f"{source.name} must close every quoted field. Received: the end of the file "
                    f"inside {source.next}; it is cut short. Try: get the file again."
                )
            if row:
                source.row += 1
                yield row
    except csv.Error as error:
        raise DataError(
            f"{source.name} must be a CSV. Received: {source.next}: {error}; a quote is "
            "probably never closed. Try: repair that row."
        ) from error
    finally:
        csv.field_size_limit(before)


def _positions(
    header: list[str], columns: Sequence[str], optional: Collection[str], name: str
) -> list[int]:
    found = [column.strip() for column in header]
    for column in columns:
        times = found.count(column)
        if times != 1 and (times or column not in optional):
            raise DataError(
                f"{name} must have the column {column} once. Received: {times} times in "
                f"{','.join(found)!r:.200}. Try: rename the columns to {','.join(columns)}."
            )
    present = set(columns) & set(found)
    return [found.index(column) if column in present else _ABSENT for column in COLUMNS]


def _problem(fields: Issue, *, titled: bool) -> str:
    """Return why a row of the right width cannot be used, or an empty string."""
    if max(map(len, fields)) > MAX_FIELD:
        return "field too long"
    if any("\0" in text for text in fields):
        return "NUL character"
    if titled and not fields.title.strip():
        return "empty title"
    return "" if fields.body.strip() else "empty body"


@contextmanager
def writing_rows(
    path: Path, columns: Sequence[str], *, after: Path | None = None
) -> Iterator[Callable[[Sequence[object]], object]]:
    """Give a function that writes one row to `path`; on disk when the block ends.

    The bytes of `after`, a file in the same form, come first, or else `columns` as the header.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if after is None:
            writer.writerow(columns)
        else:
            with after.open(encoding="utf-8", newline="") as earlier:
                shutil.copyfileobj(earlier, file)
        yield writer.writerow
        file.flush()
        os.fsync(file.fileno())


def write_issues(path: Path, issues: Iterable[Issue]) -> None:
    """Write `issues`, normalised, in their order."""
    with writing_rows(path, COLUMNS) as write:
        for issue in issues:
            write(normalise(issue))
