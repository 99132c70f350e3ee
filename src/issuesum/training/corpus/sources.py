"""Read issues from whatever holds them: a file, a URL or a pipe of CSV, JSON or Parquet.

No more than a few rows are held; of a URL, and of a ZIP or Parquet file in a pipe, a temporary file
is made.
"""

import io
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from issuesum.errors import DataError, one_line
from issuesum.training.corpus.issue import COLUMNS, Issue
from issuesum.training.corpus.opening import Place, opened
from issuesum.training.corpus.reading import Bar, Form, Reject, csv_issues, empty_file, moving

STDIN = "-"
_HTTP = ("http://", "https://")
_PARQUET = b"PAR1"
_CHUNK = 2**16  # characters of JSON
_ENDLESS = 2**24  # of one object: no JSON
_ROWS = 256  # of a Parquet file at once
_BLANK = re.compile(r"[\s,\ufeff]*")


def read_source(source: str, form: Form, *, shown: Bar | None = None) -> Iterator[Issue | Reject]:
    """Yield each row of a source as a normalised issue or as a reject; what is no text is empty.

    A source is a path, an http(s):// or s3:// URL, or - for standard input, of CSV, as of
    `reading.read_issues`; JSON lines, an array of JSON objects, or several; Parquet. DataError: as
    a whole it cannot be trusted.
    """
    name = "standard input" if source == STDIN else source
    with local_copy(source) as file, opened(file, name) as place:
        yield from moving(shown, _rows(place, form), place)


def _rows(place: Place, form: Form) -> Iterator[Issue | Reject]:
    stream = place.stream
    if stream.head.startswith(_PARQUET):
        return _keyed(_parquet(place, form), place, form)
    start = stream.head.decode(stream.encoding, errors="ignore").lstrip("\ufeff \t\r\n")
    if start.startswith(("{", "[")):  # which no header does
        return _keyed(_objects(stream.text(), place.name), place, form)
    return csv_issues(stream.text(), place, form)


def _keyed(rows: Iterable[Mapping[str, Any]], place: Place, form: Form) -> Iterator[Issue | Reject]:
    """Yield rows that are read by their keys, which the first row must have."""
    place.row = 0
    for row in rows:
        if not place.row:
            form.find(list(row), place.name)
        place.row += 1
        texts = (_text(row, form.names_of(column)) for column in COLUMNS)
        yield form.checked(place.row, Issue(*texts))
    if not place.row:
        raise empty_file(place)


def _text(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    value = next((row[name] for name in names if name in row), "")
    # What a server received may hold half a surrogate pair, which no file can.
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def _objects(text: TextIO, name: str) -> Iterator[dict[str, Any]]:
    """Yield objects, one after another or of arrays in any depth, as the text comes in."""
    decode = json.JSONDecoder().raw_decode
    buffer, at, line, first, depth = "", 0, 1, "", 0

    def broken(received: str) -> DataError:
        number = line + buffer.count("\n", 0, at)
        return DataError(
            f"line {number:,} of {name} must be a JSON object. Received: {received:.100}. "
            "Try: remove that line, or get the file again."
        )

    while True:
        at = _BLANK.match(buffer, at).end()  # type: ignore[union-attr] # it always does
        if at == len(buffer):
            line += buffer.count("\n")
            # A line, so that what comes through a slow pipe is not waited for.
            buffer, at = text.readline(_CHUNK), 0
            if not buffer:
                break
            continue
        sign = buffer[at]
        first = first or sign
        if sign != "{":
            depth += {"[": 1, "]": -1}.get(sign, 0)
            if sign not in "[]" or depth < 0 or first != "[":
                raise broken(repr(buffer[at : at + 100]))
            at += 1
            continue
        try:
            value, at = decode(buffer, at)
            yield value
        except (ValueError, RecursionError) as error:  # the object may only be cut
            held = len(buffer) - at
            more = text.read(max(held, _CHUNK)) if held <= _ENDLESS else ""
            if not more:
                raise broken(getattr(error, "msg", str(error))) from error
            line += buffer.count("\n", 0, at)
            buffer, at = buffer[at:] + more, 0
    if depth:
        raise broken("the end of the file inside an array; it is cut short")


def _parquet(place: Place, form: Form) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    place.packing = "Parquet"
    # Arrow's own allocator takes 31 MB more, which it keeps.
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        with ExitStack() as stack:
            # Page by page: a file may have a single group of rows.
            source = place.stream.seekable_file(stack)
            file = pq.ParquetFile(source, pre_buffer=False, buffer_size=_CHUNK)
            found = form.find(file.schema_arrow.names, place.name)
            wanted = [name for name in found if name]
            for batch in file.iter_batches(_ROWS, columns=wanted, use_threads=False):
                yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise EOFError(one_line(error)) from error  # as of any other packing that is broken


@contextmanager
def local_copy(source: str) -> Iterator[Path | io.BufferedReader]:
    """Give the bytes of a source, downloaded for a while; DataError: a URL cannot be read."""
    if source == STDIN:
        yield os.fdopen(0, "rb", closefd=False)
    elif not source.startswith((*_HTTP, "s3://")):
        yield Path(source)
    else:
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
    except Exception as error:  # every protocol brings error classes of its own
        missing = isinstance(error, FileNotFoundError)
        reason = "not found" if missing else one_line(error) or type(error).__name__
        raise DataError(
            f"{url} must be readable to its end. Received: {reason}. "
            "Try: check the address and your credentials, then run the command again."
        ) from error
