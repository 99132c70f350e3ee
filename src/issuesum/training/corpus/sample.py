"""The committed synthetic issues: their titles can be learnt from their bodies."""

from __future__ import annotations

import random
from pathlib import Path

from issuesum.errors import ParamsError
from issuesum.layout import SAMPLE
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import read_issues

SEED = 20_180_601
"""Gives the first rows of the sample; any other seed gives random ones."""
_FILE = Path(__file__).parents[4] / SAMPLE


def sample_issues(rows: int, seed: int = SEED) -> list[Issue]:
    """Return `rows` issues of the sample, the same for equal arguments.

    Raises:
        ParamsError: the sample has fewer rows.
    """
    issues = [row for row in read_issues(_FILE) if isinstance(row, Issue)]
    if rows > len(issues):
        raise ParamsError(
            f"The sample has {len(issues):,} rows. Received: a request for {rows:,}. Try: "
            f"tools/make_sample.py FILE --rows {rows}, then issuesum ingest FILE."
        )
    return issues[:rows] if seed == SEED else random.Random(seed).sample(issues, rows)  # noqa: S311
