"""From rows of a file to lines of text with a title: one each, in the order of the rows."""

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import batched
from pathlib import Path
from typing import Literal, NamedTuple

from issuesum.files import replacing_file
from issuesum.serving.inference.writer import NO_TITLE, TitleWriter
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import Reject, normalise

Format = Literal["csv", "jsonl"]


class Prediction(NamedTuple):
    """A row of the output."""

    issue_url: str  # on one line; may be empty
    title: str  # empty if the row cannot be used or the model finds none
    score: float | None  # see `Title.score`; None if there is no title


Write = Callable[[Iterable[Prediction]], None]


def predictions(
    rows: Iterable[Issue | Reject], writer: TitleWriter, batch_size: int
) -> Iterator[list[Prediction]]:
    """Yield the predictions of `batch_size` rows at a time; no more rows are held at once."""
    for batch in batched(rows, batch_size):
        titles = iter(writer.write([row.body for row in batch if isinstance(row, Issue)]))
        found = []
        for row in batch:
            title = next(titles)[0] if isinstance(row, Issue) else NO_TITLE
            # Digits that do not depend on what else is in the batch.
            score = round(title.score, 4) if math.isfinite(title.score) else None
            url = " ".join(normalise(Issue(row.url, "", "")).url.split())
            found.append(Prediction(url, title.text, score))
        yield found


@contextmanager
def writing(output: Path | None, form: Format) -> Iterator[Write]:
    """Give what writes predictions at once; `output` is replaced at the end, None is stdout."""
    with ExitStack() as stack:
        target = stack.enter_context(replacing_file(output)) if output else 1
        # Whatever the locale: titles have any character.
        stream = stack.enter_context(
            open(target, "w", encoding="utf-8", newline="", closefd=bool(output))
        )
        encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
        rows = csv.writer(stream, lineterminator="\n")
        if form == "csv":
            rows.writerow(Prediction._fields)

        def write(some: Iterable[Prediction]) -> None:
            if form == "csv":
                rows.writerows(some)
            else:
                stream.writelines(encode(one._asdict()) + "\n" for one in some)
            stream.flush()

        yield write
