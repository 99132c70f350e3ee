"""What evaluate keeps of each title: scores, to compare two models by issue, and attention."""

from __future__ import annotations

import csv
from typing import IO, TYPE_CHECKING

from issuesum.files import replacing_file
from issuesum.text.prose import body_words
from issuesum.training.corpus.issue import issue_key
from issuesum.training.evaluation.baselines import BASELINES
from issuesum.training.evaluation.metrics import PRIMARY

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from issuesum.serving.inference.writer import Attention

_BEFORE = ("issue", "words", PRIMARY)
"""Key of the issue, words of its body, and the primary metric of the model; then of baselines."""
_AFTER = ("score", "predicted", "issue_title", "issue_url")
"""How sure the model was, its title, the author's title, and the issue's URL."""
_CELL, _MARGIN = 0.24, 1.6  # inches of a word, and for the words themselves
_LONGEST = 20  # characters of a word that are shown: identifiers can be of any length


def write(path: Path, rows: pd.DataFrame) -> None:
    """Write one line a title; equal rows give equal bytes.

    The rows have the file's columns without the first two, and `body`.
    """
    pairs = zip(rows["issue_title"], rows["body"], strict=True)
    full = rows.assign(
        issue=[issue_key(title, body).hex() for title, body in pairs],
        words=[len(body_words(body)) for body in rows["body"]],
    )
    with replacing_file(path) as temporary:
        full[[*_BEFORE, *BASELINES, *_AFTER]].to_csv(
            temporary, index=False, float_format="%.4f", lineterminator="\n",
            quoting=csv.QUOTE_NONNUMERIC,  # a lone carriage return would end the line
        )  # fmt: skip


def read(file: IO[str]) -> pd.DataFrame:
    """Read what `write` wrote, with the baselines of then; ValueError, one line, if it did not."""
    import pandas as pd

    text = dict.fromkeys(("issue", *_AFTER[1:]), str)
    rows = pd.read_csv(file, dtype=text, keep_default_na=False)
    if missing := [name for name in _BEFORE + _AFTER if name not in rows.columns]:
        raise ValueError(f"no column {missing[0]}")
    return rows


def draw_attention(attention: Attention, path: Path) -> None:
    """Write a PNG of which word of a title (downwards) comes from where in the body (rightwards).

    There is at least one of each; equal arguments give equal bytes.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    rows, columns = attention.weights.shape
    title, body = (
        [word if len(word) <= _LONGEST else word[: _LONGEST - 1] + "…" for word in of]
        for of in (attention.title, attention.body)
    )
    size = (_MARGIN + _CELL * columns, _MARGIN + _CELL * rows)
    # A dollar sign would begin a formula.
    with mpl.rc_context({"text.parse_math": False, "font.sans-serif": ["DejaVu Sans"]}):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        axes.imshow(attention.weights, cmap="Blues", vmin=0, vmax=1, aspect="equal")
        axes.set_xticks(range(columns), body, rotation=90, fontsize=8)
        axes.set_yticks(range(rows), title, fontsize=9)
        axes.tick_params(length=0)
        # The date and the version of Matplotlib would change the bytes.
        figure.savefig(path, dpi=110, metadata={"Software": None})
