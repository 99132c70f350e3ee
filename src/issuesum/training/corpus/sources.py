"""Bring a source of issues to this machine: a path, a URL, a CSV or JSON lines."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from issuesum.errors import DataError, one_line
from issuesum.training.corpus.issue import COLUMNS, Issue
from issuesum.training.corpus.reading import normalise, writing_rows

_HTTP = ("http://", "https://")
_SCHEMES = (*_HTTP, "s3://")


@contextmanager
def local_copy(source: str) -> Iterator[Path]:
    """Give a path that holds the bytes of `source`; a download is removed afterwards.

    Raises:
        DataError: the URL cannot be read, or its bytes ended early.
    """
    if not source.startswith(_SCHEMES):
        yield Path(source)
        return
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        target = Path(folder) / "download"
        _download(source, target)
        yield target


def _download(url: str, target: Path) -> None:
    import fsspec

    try:
        files, path = fsspec.url_to_fs(url, **_options(url))
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


def _options(url: str) -> dict[str, Any]:
    if not url.startswith(_HTTP):
        return {}
    import aiohttp

    # By default aiohttp ends any download after 5 minutes and ignores proxies.
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)
    return {"client_kwargs": {"timeout": timeout, "trust_env": True}}


@contextmanager
def as_csv(path: Path, *, name: str) -> Iterator[Path]:
    """Give `path`, or a temporary CSV of the same rows if it holds JSON lines.

    A line is an object with the keys `issue_title` and `body`, and perhaps `issue_url`, as the
    server keeps of feedback; other keys are ignored. What is no text is left empty, for the reader
    of the CSV to reject.

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
                    write(_issue(line, f"line {number:,} of {name}"))
        yield target


def _is_json(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(1) == b"{"
    except OSError:
        return False  # whoever reads it reports the error


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
    values = [content.get(column, "") for column in COLUMNS]
    # What a server was sent may hold half a surrogate pair, which no file can.
    texts = (
        value.encode(errors="replace").decode() if isinstance(value, str) else ""
        for value in values
    )
    # Line ends of one kind: `csv` writes a lone carriage return without quotes.
    return normalise(Issue(*texts))
