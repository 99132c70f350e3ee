"""One issue as every part of the corpus passes it on."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple
from urllib.parse import urlsplit

COLUMNS = ("issue_url", "issue_title", "body")
"""Columns of data/raw/github_issues.csv, in this order."""

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
    return _digest("\0".join(" ".join(text.lower().split()) for text in (title, body)))


def repository_key(repository: str) -> bytes:
    """Return 16 bytes that are equal for equal repositories."""
    return _digest(repository)


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


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
