"""One issue as every part of the corpus passes it on, and which ones were seen before."""

import hashlib
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from issuesum.errors import DataError

COLUMNS = ("issue_url", "issue_title", "body")  # of data/raw/github_issues.csv, in this order
_FORGE = re.compile(r"(/[^/]+/.+?)(?:/-)?/(?:issues|pull)/[0-9]+")
_NUMBER = re.compile(r"[-/][0-9]+/?$")


class Issue(NamedTuple):
    """One GitHub issue."""

    url: str  # where the issue stands; may be empty
    title: str  # what its author called it; never empty
    body: str  # what its author wrote; never empty


def issue_key(title: str, body: str) -> bytes:
    """Return 16 bytes that are equal for equal issues.

    Letter case and white space do not count: trackers that mirror each other differ in both.
    """
    return digest("\0".join(" ".join(text.lower().split()) for text in (title, body)))


def repository_of(url: str) -> str | None:
    """Return the repository or project that the URL of an issue names, or None if it names none.

    Forges: `https://github.com/Owner/Name/issues/7` and `…/pull/7` give `github.com/owner/name`.
    Trackers that number the issues of a project, as Jira does: `https://host/browse/PROJ-7` gives
    `host/browse/proj`. Any other, as Bugzilla's `https://host/show_bug.cgi?id=7`: host and path.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # such as brackets around what is no IPv6 address
        return None
    if not parts.hostname:
        return None
    forge = _FORGE.match(parts.path)
    path = forge[1] if forge else _NUMBER.sub("", parts.path)
    return (parts.hostname + path.rstrip("/")).lower()


def digest(text: str) -> bytes:
    """Return 16 bytes that are equal for equal texts."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


type FirstRow = Callable[[bytes, int], int | None]
"""Takes a key and the number of its row; returns the earlier row that has the key, or None."""

# Nothing has to survive a crash, so there is no journal, no sync, and never a commit.
_SETUP = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16384; -- KiB; with 64 MiB 5 million keys took 30 s instead of 34 s
CREATE TABLE seen (key BLOB PRIMARY KEY, row INTEGER NOT NULL) WITHOUT ROWID;
BEGIN;
"""


@contextmanager
def seen_issues(folder: Path) -> Iterator[FirstRow]:
    """Give a function that remembers keys in a temporary file and knows which row had each first.

    The file is in `folder`; not /tmp, which is memory on many machines. 5 million keys took 32 to
    37 s, 132 MiB of disk, and 31 MB of memory, as 1 million did. A full disk is a DataError.
    """
    try:
        # Git and DVC ignore what a killed process leaves under this name (see issuesum.files).
        with (
            tempfile.TemporaryDirectory(prefix=".issuesum-", dir=folder) as scratch,
            closing(sqlite3.connect(Path(scratch) / "seen", isolation_level=None)) as connection,
        ):
            cursor = connection.cursor().executescript(_SETUP)

            def first_row(key: bytes, row: int) -> int | None:
                if cursor.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, row)).rowcount:
                    return None
                first: int
                (first,) = cursor.execute("SELECT row FROM seen WHERE key = ?", (key,)).fetchone()
                return first

            yield first_row
    except sqlite3.Error as error:
        raise DataError(
            f"{folder} must have room for the keys of all issues, about 30 bytes each. "
            f"Received: {error}. Try: free some space."
        ) from error
