"""Attention as pictures: which word of a title comes from where in the body."""

from __future__ import annotations

from pathlib import Path

from issuesum.serving.inference.writer import Attention

_CELL = 0.24  # inches of a word
_MARGIN = 1.6  # inches for the words themselves
_LONGEST = 20  # characters of a word that are shown: identifiers can be of any length


def draw(attention: Attention, path: Path) -> None:
    """Write a PNG: words of the title downwards, words of the body to the right.

    There is at least one of each; equal arguments give equal bytes.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    rows, columns = attention.weights.shape
    # A dollar sign would begin a formula.
    with mpl.rc_context({"text.parse_math": False, "font.sans-serif": ["DejaVu Sans"]}):
        figure = Figure(
            figsize=(_MARGIN + _CELL * columns, _MARGIN + _CELL * rows), layout="constrained"
        )
        axes = figure.subplots()
        axes.imshow(attention.weights, cmap="Blues", vmin=0, vmax=1, aspect="equal")
        axes.set_xticks(range(columns), map(_short, attention.body), rotation=90, fontsize=8)
        axes.set_yticks(range(rows), map(_short, attention.title), fontsize=9)
        axes.tick_params(length=0)
        # The date and the version of Matplotlib would change the bytes.
        figure.savefig(path, dpi=110, metadata={"Software": None})


def _short(word: str) -> str:
    return word if len(word) <= _LONGEST else word[: _LONGEST - 1] + "…"
