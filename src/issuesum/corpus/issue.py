"""One issue as every part of the corpus passes it on."""

from __future__ import annotations

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
