"""One issue as every part of the corpus passes it on."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

COLUMNS = ("issue_url", "issue_title", "body")
"""Columns of data/raw/github_issues.csv, in this order."""


class Issue(NamedTuple):
    """One GitHub issue.

    Attributes:
        url: where the issue stands; may be empty.
        title: what its author called it; never empty.
        body: what its author wrote; never empty.
    """

    url: str
    title: str
    body: str


def issue_key(title: str, body: str) -> bytes:
    """Return 16 bytes that are equal for equal issues.

    Letter case and white space do not count: trackers that mirror each other differ in both.
    """
    normalised = "\0".join(" ".join(text.lower().split()) for text in (title, body))
    return hashlib.blake2b(normalised.encode("utf-8", "surrogatepass"), digest_size=16).digest()
