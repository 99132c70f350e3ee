"""Bring a source to this machine: a path stays where it is, a URL is spooled to a file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from issuesum.errors import DataError, one_line

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
        spool = Path(folder) / "download"
        _download(source, spool)
        yield spool


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

    # aiohttp ends any download after 5 minutes and ignores proxies unless told otherwise.
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)
    return {"client_kwargs": {"timeout": timeout, "trust_env": True}}
