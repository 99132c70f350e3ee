"""JSON lines as another form of a CSV of issues: what the server keeps of its readers' feedback."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from issuesum.errors import DataError
from issuesum.training.corpus.issue import COLUMNS, Issue
from issuesum.training.corpus.reading import normalise
from issuesum.training.corpus.writing import writing_rows


@contextmanager
def as_csv(path: Path, *, name: str) -> Iterator[Path]:
    """Give `path`, or a temporary CSV of the same rows if it holds JSON lines.

    A line is an object with the keys `issue_title` and `body`, and perhaps `issue_url`; other keys
    are ignored. What is no text is left empty, for the reader of the CSV to reject.

    Args:
        path: a file; JSON lines begin with a brace, which no header does.
        name: what messages call the file.

    Raises:
        DataError: a line is no JSON object in UTF-8.
    """
    if not _is_json(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        target = Path(folder) / "rows.csv"
        with path.open("rb") as file, writing_rows(target, COLUMNS) as write:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    write(_row(line, f"line {number:,} of {name}"))
        yield target


def _is_json(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(1) == b"{"
    except OSError:
        return False  # whoever reads it says so


def _row(line: bytes, where: str) -> Issue:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _refusal(where, f"{error!s:.100}") from error
    if not isinstance(content, dict):
        raise _refusal(where, f"{content!r:.100}")
    values = [content.get(column, "") for column in COLUMNS]
    # What a server was sent may hold half a surrogate pair, which no file can.
    texts = (
        value.encode(errors="replace").decode() if isinstance(value, str) else ""
        for value in values
    )
    # Line ends of one kind: `csv` writes a lone carriage return without quotes.
    return normalise(Issue(*texts))


def _refusal(where: str, received: str) -> DataError:
    return DataError(f"{where} must be a JSON object. Received: {received}. Try: remove that line.")
