r"""Read a CSV of issues row by row; what cannot be used comes out with its row and reason.

`csv` takes an end of file inside quotes for the end of the field. So a file that ends there, bytes
that are not UTF-8 and a truncated gzip stream are errors, while a single bad row is a `Reject`.
Rows are written in one form, so that equal rows give equal bytes: UTF-8 without a mark, `\n`
between rows, quotes only where needed.
"""

import csv
import os
import random
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from tqdm import tqdm

from issuesum.errors import DataError, ParamsError
from issuesum.layout import SAMPLE
from issuesum.training.corpus.issue import COLUMNS, Issue
from issuesum.training.corpus.opening import Place, opened

MAX_FIELD = 2**20  # characters of a field; a longer one is no text that a person wrote
RUNAWAY = 2**24
"""Characters of a field or line after which a quote counts as never closed: `csv` takes 4 bytes a
character. A field of 100 MB ends the reading at 81 MB of memory; with 2**26 it took 394 MB."""
SAMPLE_SEED = 20_180_601
_SAMPLE = Path(__file__).parents[4] / SAMPLE
_ESTIMATED = 1_000  # rows after which a total is estimated anew
_ABSENT = sys.maxsize  # place of a column that is not in the header: every row is too short for it
_LONGEST_NAME = 64  # characters; what is longer is no name of a column
_NAMES = {
    "issue_url": ("issue_url", "html_url", "url"),
    "issue_title": ("issue_title", "title"),
    "body": ("body",),
}
"""What columns and keys are called: by us, then by GitHub, whose `url` is that of its REST API."""

type Bar = tqdm[Any]


class Reject(NamedTuple):
    """A row that cannot be used; URL, title and body as received, empty if the row is too short."""

    row: int  # number of the data row, counted from 1; the header and blank lines do not count
    reason: str
    url: str
    title: str
    body: str


@dataclass(frozen=True)
class Form:
    """What is read of a source, and under which names."""

    columns: tuple[str, ...] = COLUMNS  # those that are read; the others are left empty
    names: Mapping[str, str] = field(default_factory=dict)  # where a column has no usual name
    separator: str | None = None  # of the fields of a CSV; by default, what divides its header

    def names_of(self, column: str) -> tuple[str, ...]:
        """Return the names that a column may have, the best first; none if it is not read."""
        if column not in self.columns:
            return ()
        return (self.names[column],) if column in self.names else _NAMES[column]

    def find(self, header: Sequence[str], source: str) -> list[str | None]:
        """Return the names that URL, title and body have in a header; None is empty in every row.

        A URL is not needed unless `names` has it. A column that is missing, or there twice, is a
        DataError, which calls the file `source`.
        """
        found: list[str | None] = []
        for column in COLUMNS:
            names = self.names_of(column)
            name = next((name for name in names if name in header), None)
            times = header.count(name) if name else 0
            optional = column == "issue_url" and column not in self.names
            if names and times != 1 and (times or not optional):
                raise DataError(
                    f"{source} must have the column {name or names[0]} once. Received: {times} "
                    f"times in {','.join(header)!r:.200}. Try: rename the columns to "
                    f"{','.join(self.columns)}, or --columns {column}=NAME."
                )
            found.append(name)
        return found

    def checked(self, row: int, fields: Issue, reason: str = "") -> Issue | Reject:
        """Return a row normalised, or as a reject, for `reason` or for what its texts are."""
        unusable = {
            "field too long": max(map(len, fields)) > MAX_FIELD,
            "NUL character": any("\0" in text for text in fields),
            "empty title": "issue_title" in self.columns and not fields.title.strip(),
            "empty body": not fields.body.strip(),
        }
        reason = reason or next((why for why, is_so in unusable.items() if is_so), "")
        return Reject(row, reason, *fields) if reason else normalise(fields)


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


def read_issues(path: Path, *, shown: Bar | None = None) -> Iterator[Issue | Reject]:
    """Yield the rows of a CSV, packed or not; DataError: as a whole it cannot be trusted."""
    with opened(path, str(path)) as place:
        yield from moving(shown, csv_issues(place.stream.text(), place, Form()), place)


def moving[T](bar: Bar | None, rows: Iterable[T], place: Place) -> Iterator[T]:
    """Yield `rows` and move `bar`, whose total is estimated by the share of bytes that was read."""
    if bar is None:
        yield from rows
        return
    before = bar.n
    for row in rows:
        yield row
        bar.update()
        if place.share and place.row % _ESTIMATED == 0:
            bar.total = before + round(place.row / min(place.share(), 1.0))
    bar.total = bar.n


def csv_issues(text: TextIO, place: Place, form: Form) -> Iterator[Issue | Reject]:
    """Yield each row of a CSV; a header between rows, where files were joined, is a reject.

    DataError: as of `read_issues`; also, a header in between puts the columns elsewhere.
    """
    rows = _rows(text, place, form)
    header = next(rows, None)
    if header is None:
        raise empty_file(place)
    names = _stripped(header)
    positions = _positions(names, form, place.name)
    for row in rows:
        fields = Issue(*[row[at] if at < len(row) else "" for at in positions])
        reason = ""
        if len(row) != len(header):
            reason = f"too {'few' if len(row) < len(header) else 'many'} fields"
        if len(fields.body) <= _LONGEST_NAME and _is_header(row, names, positions, place, form):
            reason = "repeated header"
        yield form.checked(place.row, fields, reason)


def empty_file(place: Place) -> DataError:
    """Return the error of a source that holds nothing."""
    return DataError(
        f"{place.name} must hold rows of issues. Received: an empty file. Try: get the file again."
    )


def _stripped(header: Sequence[str]) -> list[str]:
    return [name.strip().removeprefix("\ufeff").strip('" ') for name in header]


def _positions(names: list[str], form: Form, source: str) -> list[int]:
    return [names.index(name) if name else _ABSENT for name in form.find(names, source)]


def _is_header(
    row: Sequence[str], names: list[str], positions: list[int], place: Place, form: Form
) -> bool:
    if (again := _stripped(row)) == names:
        return True
    try:
        other = _positions(again, form, place.name)
    except DataError:
        return False
    if _ABSENT in other:  # a row of few words; a header has all three
        return False
    if other != positions:
        raise DataError(
            f"{place.name} must have one header. Received: another as row {place.row:,}, "
            f"{','.join(again)!r:.200}. Try: take in the files one by one, before they are joined."
        )
    return True


def _rows(text: TextIO, source: Place, form: Form) -> Iterator[list[str]]:
    """Yield header and rows without blank lines; detect quotes that never close."""
    ended = False

    def lines() -> Iterator[str]:
        nonlocal ended
        for line in iter(partial(text.readline, RUNAWAY), ""):
            if len(line) == RUNAWAY:
                raise csv.Error(f"line of {RUNAWAY:,} characters or more")
            yield line
        # One blank line more: a row of its own, unless a quoted field is still open.
        ended = True
        yield "\n"

    before = csv.field_size_limit(RUNAWAY)
    try:
        given = lines()
        first = next((line for line in given if line.strip()), "")
        separator = form.separator or _separator(first, form)
        for row in filter(None, csv.reader(chain([first], given), delimiter=separator)):
            if ended:
                raise DataError(
                    f"{source.name} must close every quoted field. Received: the end of the file "
                    f"inside {source.next}; it is cut short. Try: get the file again."
                )
            source.row += 1
            yield row
    except csv.Error as error:
        raise DataError(
            f"{source.name} must be a CSV. Received: {source.next}: {error}; a quote is "
            "probably never closed. Try: repair that row."
        ) from error
    finally:
        csv.field_size_limit(before)


def _separator(header: str, form: Form) -> str:
    """Return what divides a header into the columns that are read; a comma if nothing does."""
    for separator in ",;\t|":
        with suppress(csv.Error, DataError):
            form.find(_stripped(next(csv.reader([header], delimiter=separator), [])), "")
            return separator
    return ","


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


def sample_issues(rows: int, seed: int = SAMPLE_SEED) -> list[Issue]:
    """Return `rows` issues of the committed sample; the first ones by the default seed.

    Their titles can be learnt from their bodies. ParamsError: the sample has fewer rows.
    """
    issues = [row for row in read_issues(_SAMPLE) if isinstance(row, Issue)]
    if rows > len(issues):
        raise ParamsError(
            f"The sample has {len(issues):,} rows. Received: a request for {rows:,}. Try: "
            f"tools/make_sample.py FILE --rows {rows}, then issuesum ingest FILE."
        )
    if seed == SAMPLE_SEED:
        return issues[:rows]
    return random.Random(seed).sample(issues, rows)  # noqa: S311
