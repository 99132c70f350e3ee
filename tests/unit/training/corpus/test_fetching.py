"""URLs are spooled to a file."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from issuesum.errors import DataError
from issuesum.training.corpus.sources import local_copy

URL = "s3://bucket/issues.csv"


@contextmanager
def store(monkeypatch, content: bytes, error: Exception | None = None):
    """A stand-in for fsspec with one object."""

    def get_file(_path: str, target: str) -> None:
        if error:
            raise error
        Path(target).write_bytes(content)

    files = SimpleNamespace(get_file=get_file)
    fsspec = SimpleNamespace(url_to_fs=lambda url, **_: (files, url.removeprefix("s3://")))
    monkeypatch.setitem(sys.modules, "fsspec", fsspec)
    with local_copy(URL) as path:
        yield path


def test_path_is_used_where_it_is():
    with local_copy("data/upload.csv") as path:
        assert path == Path("data/upload.csv")


def test_download_is_there_during_the_block_only(monkeypatch):
    with store(monkeypatch, b"bytes") as path:
        assert path.read_bytes() == b"bytes"
    assert not path.exists()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FileNotFoundError("bucket/issues.csv"), "Received: not found"),
        (PermissionError("Access\n Denied"), "Received: Access Denied"),
        (RuntimeError(), "Received: RuntimeError"),
    ],
)
def test_failure_of_any_protocol_is_one_line(monkeypatch, error, message):
    with (
        pytest.raises(DataError, match=f"{URL} must be readable to its end. {message}. Try: "),
        store(monkeypatch, b"", error),
    ):
        pytest.fail("the bytes were accepted")
