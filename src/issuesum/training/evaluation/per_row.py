"""eval/scores.csv: every scored title, so that two models can be compared issue by issue."""

from __future__ import annotations

import csv
from typing import IO, TYPE_CHECKING

from issuesum.files import replacing_file
from issuesum.text.tokens import words
from issuesum.training.corpus.issue import issue_key
from issuesum.training.evaluation.baselines import BASELINES
from issuesum.training.evaluation.metrics import PRIMARY

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

_BEFORE = ("issue", "words", PRIMARY)
_AFTER = ("score", "predicted", "issue_title", "issue_url")
"""Key of the issue, words of its body, and the primary metric of the model; that of each baseline
stands between; then how sure the model was, its title, the author's title, and the issue's URL."""


def write(path: Path, rows: pd.DataFrame) -> None:
    """Write one line a title; equal rows give equal bytes.

    The rows have the file's columns without the first two, and `body`. Other metrics are left to
    the reader, who has both titles.
    """
    pairs = zip(rows["issue_title"], rows["body"], strict=True)
    full = rows.assign(
        issue=[issue_key(title, body).hex() for title, body in pairs],
        words=[len(words(body)) for body in rows["body"]],
    )
    with replacing_file(path) as temporary:
        full[[*_BEFORE, *BASELINES, *_AFTER]].to_csv(
            temporary, index=False, float_format="%.4f", lineterminator="\n",
            quoting=csv.QUOTE_NONNUMERIC,  # a lone carriage return would end the line
        )  # fmt: skip


def read(file: IO[str]) -> pd.DataFrame:
    """Read what `write` wrote, with the baselines that there were then.

    Raises:
        ValueError: these are no scores; the message is one line.
    """
    import pandas as pd

    text = dict.fromkeys(("issue", "predicted", "issue_title", "issue_url"), str)
    rows = pd.read_csv(file, dtype=text, keep_default_na=False)
    if missing := [name for name in _BEFORE + _AFTER if name not in rows.columns]:
        msg = f"no column {missing[0]}"
        raise ValueError(msg)
    return rows
