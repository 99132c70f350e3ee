"""Plots as SVG for a page of any colour scheme: text stays text, colours are the page's own."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from issuesum.training.corpus.profile import BINS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.ticker import Locator

_WIDTH = 5.0  # inches of 72 units: little, because a phone shows about 330 of its pixels
_LEFT, _RIGHT, _ABOVE = 0.8, 0.16, 0.1  # margins in inches, for text of 12 units
_AXIS, _NO_AXIS = 0.52, 0.1  # margin below
_MILLION = 1_000_000
_TEXT, _NOW, _BEFORE, _GRID = "#010101", "#020202", "#030303", "#040404"
# Matplotlib knows no CSS, so it is given colours that occur nowhere else.
_COLOURS = {
    _TEXT: "currentColor",
    _NOW: "var(--now)",
    _BEFORE: "var(--before)",
    _GRID: "var(--grid)",
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text, not outlines
    "font.sans-serif": ["DejaVu Sans"],  # measures text; it comes with Matplotlib
    "font.size": 12,
    "text.color": _TEXT,
    "axes.labelcolor": _TEXT,
    "axes.edgecolor": _TEXT,
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "grid.color": _GRID,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}


def plot_lengths(name: str, now: Sequence[int], before: Sequence[int] | None, label: str) -> str:
    """Draw a histogram of lengths as bars, and that of earlier data as an outline.

    Args:
        name: of the plot, another for each one of a page.
        now: texts in each of `BINS`.
        before: earlier texts, if there are any.
        label: what the plot shows, for those who cannot see it.
    """
    last = max(
        place for place, both in enumerate(zip(now, before or now, strict=True)) if any(both)
    )
    places = range(last + 1)

    def draw(axes: Axes) -> None:
        axes.bar(places, _percent(now)[: last + 1], width=0.8, color=_NOW)
        if before:
            edges = [place - 0.5 for place in range(last + 2)]
            axes.stairs(_percent(before)[: last + 1], edges, color=_BEFORE, linewidth=1.5)
        powers = [place for place in places if BINS[place].bit_count() <= 1]
        axes.set_xticks(
            powers, [f"{BINS[place]}{'+' * (place == len(BINS) - 1)}" for place in powers]
        )
        axes.set_xlabel("words")
        axes.yaxis.set_major_locator(_few_ticks())
        axes.yaxis.set_major_formatter("{x:g} %")
        axes.grid(axis="y")

    return _draw(name, 2.4, _AXIS, draw, label)


def plot_growth(name: str, points: Sequence[tuple[int, int]], label: str) -> str:
    """Draw the number of distinct words over the number of issues.

    Args:
        name: of the plot, another for each one of a page.
        points: issues and the distinct words in them.
        label: what the plot shows, for those who cannot see it.
    """

    def draw(axes: Axes) -> None:
        rows, distinct = zip((0, 0), *points, strict=True)
        axes.plot(rows, distinct, color=_NOW, linewidth=2, marker=".")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("issues")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(_few_ticks())
            axis.set_major_formatter(_short)
        axes.grid(axis="y")

    return _draw(name, 2.4, _AXIS, draw, label)


def plot_languages(name: str, shares: Mapping[str, float], label: str) -> str:
    """Draw shares as horizontal bars, in the order given.

    Args:
        name: of the plot, another for each one of a page.
        shares: by language, 0 to 1.
        label: what the plot shows, for those who cannot see it.
    """

    def draw(axes: Axes) -> None:
        bars = axes.barh(list(shares), [100 * part for part in shares.values()], color=_NOW)
        axes.bar_label(
            bars, [f"{part:.1%}".replace("%", " %") for part in shares.values()], padding=4
        )
        axes.invert_yaxis()
        axes.set_xlim(0, 118)  # room for the label of a bar of 100 %
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)

    return _draw(name, 0.3 * len(shares), _NO_AXIS, draw, label)


def _percent(counts: Sequence[int]) -> list[float]:
    return [100 * count / sum(counts) for count in counts]


def _short(number: float, _place: float) -> str:
    """Write a number so that it fits into the margin."""
    return f"{number:,.0f}" if number < _MILLION else f"{number / _MILLION:g} M"


def _few_ticks() -> Locator:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=4, integer=True)


def _draw(name: str, height: float, below: float, draw: Callable[[Axes], None], label: str) -> str:
    # Where there is no writable home, Matplotlib makes itself a temporary one, and says so.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()  # whatever matplotlibrc this machine has
        mpl.rcParams.update(_STYLE | {"svg.hashsalt": name})  # ids: equal for equal plots only
        figure = Figure((_WIDTH, _ABOVE + height + below))
        # Margins are fixed: fitted ones would depend on the fonts that this machine has.
        figure.subplots_adjust(
            left=_LEFT / _WIDTH,
            right=1 - _RIGHT / _WIDTH,
            bottom=below / figure.get_figheight(),
            top=1 - _ABOVE / figure.get_figheight(),
        )
        draw(figure.subplots())
        file = io.StringIO()
        figure.savefig(file, format="svg")
    return _inline(file.getvalue(), label)


def _inline(svg: str, label: str) -> str:
    """Make a file part of a page: the page's font and colours, and no ids but those referred to."""
    (box,) = re.findall(r'viewBox="[^"]+"', svg)
    inner = svg[
        svg.index("</defs>") + len("</defs>") :
    ]  # behind root, date and the file's own style
    inner = re.sub(r'<g id="[^"]*"', "<g", inner)
    inner = re.sub(r"font-family: [^;]*; ", "", inner)
    for colour, of_page in _COLOURS.items():
        inner = inner.replace(colour, of_page)
    return f'<svg {box} role="img" aria-label="{escape(label)}">{inner}'
