"""URLs are spooled to a file, and one that ends early is noticed."""

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
def store(monkeypatch, content: bytes, size: int | None, error: Exception | None = None):
    """A stand-in for fsspec whose one object claims to have `size` bytes."""

    def get_file(_path: str, target: str) -> None:
        if error:
            raise error
        Path(target).write_bytes(content)

    files = SimpleNamespace(get_file=get_file, info=lambda path: {"name": path, "size": size})
    fsspec = SimpleNamespace(url_to_fs=lambda url, **_: (files, url.removeprefix("s3://")))
    monkeypatch.setitem(sys.modules, "fsspec", fsspec)
    with local_copy(URL) as path:
        yield path


def test_path_is_used_where_it_is():
    with local_copy("data/upload.csv") as path:
        assert path == Path("data/upload.csv")


@pytest.mark.parametrize("size", [5, None], ids=["size-known", "size-unknown"])
def test_download_is_there_during_the_block_only(monkeypatch, size):
    with store(monkeypatch, b"bytes", size) as path:
        assert path.read_bytes() == b"bytes"
    assert not path.exists()


def test_short_download_is_noticed(monkeypatch):
    with (
        pytest.raises(DataError, match=f"{URL} must arrive whole. Received: 5 of 9,000 bytes"),
        store(monkeypatch, b"bytes", 9_000),
    ):
        pytest.fail("the bytes were accepted")


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
        store(monkeypatch, b"", None, error),
    ):
        pytest.fail("the bytes were accepted")
