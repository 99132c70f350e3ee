"""From rows of a file to predictions: one for each row, in the order of the rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import batched
from typing import NamedTuple

from issuesum.serving.inference.title import NO_TITLE, Title
from issuesum.serving.inference.writer import TitleWriter
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import Reject, normalise

_DIGITS = 4
"""Of a score behind the point: those that do not depend on what else is in the batch."""


class Prediction(NamedTuple):
    """What is said of one row.

    Attributes:
        issue_url: where the issue stands, on one line; may be empty.
        title: empty if the row cannot be used or the model finds none.
        score: see `Title.score`; None if there is no title.
    """

    issue_url: str
    title: str
    score: float | None


def predictions(
    rows: Iterable[Issue | Reject], writer: TitleWriter, batch_size: int
) -> Iterator[list[Prediction]]:
    """Yield the predictions of `batch_size` rows at a time; no more rows are held at once."""
    for batch in batched(rows, batch_size):
        bodies = [row.body for row in batch if isinstance(row, Issue)]
        titles = (best for best, *_ in writer.write(bodies))
        yield [
            _prediction(row.url, next(titles))
            if isinstance(row, Issue)
            else _prediction(normalise(Issue(row.url, "", "")).url, NO_TITLE)
            for row in batch
        ]


def _prediction(url: str, title: Title) -> Prediction:
    score = round(title.score, _DIGITS) if math.isfinite(title.score) else None
    return Prediction(" ".join(url.split()), title.text, score)
