"""Plots as SVG for a page of any colour scheme: text stays text, colours are the page's own.

Of each plot, `name` differs from that of any other on its page, and `label` says what it shows to
those who cannot see it.
"""

from __future__ import annotations

import io
import logging
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

# Inches of 72 units: little, because a phone shows about 330 pixels of the width.
_WIDTH, _HEIGHT = 5.0, 2.4
_LEFT, _RIGHT, _ABOVE, _BELOW = 0.8, 0.16, 0.1, 0.52  # margins in inches, for text of 12 units
_MILLION = 1_000_000
# Matplotlib knows no CSS, so it is given colours that occur nowhere else.
_COLOURS = {"#010101": "currentColor", "#020202": "var(--now)", "#030303": "var(--before)",
            "#040404": "var(--grid)"}  # fmt: skip
_TEXT, _NOW, _BEFORE, _GRID = _COLOURS
_INK = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text, not outlines
    "font.sans-serif": ["DejaVu Sans"],  # measures text; it comes with Matplotlib
    "font.size": 12,
    "axes.axisbelow": True,
    "grid.color": _GRID,
    **dict.fromkeys(_INK, _TEXT),
    **dict.fromkeys(("axes.facecolor", "figure.facecolor", "savefig.facecolor"), "none"),
    **dict.fromkeys(("axes.spines.top", "axes.spines.right", "axes.spines.left"), False),
    **dict.fromkeys(("xtick.major.size", "ytick.major.size"), 0),
}

type Curve = Sequence[tuple[float, float]]


def bars(
    name: str, label: str, now: Sequence[float], before: Sequence[float | None],
    *, ticks: Mapping[int, str], below: str, unit: str = "",
    intervals: Sequence[tuple[float, float]] = (),
) -> Markup:  # fmt: skip
    """Draw upright bars with intervals, and earlier heights as an outline; `ticks` by place."""

    def draw(axes: Axes) -> None:
        axes.bar(range(len(now)), now, width=0.8, color=_NOW)
        for place, interval in enumerate(intervals):
            axes.plot([place, place], interval, color=_TEXT, linewidth=1.5)
        if any(height is not None for height in before):
            heights = [math.nan if height is None else height for height in before]
            edges = [place - 0.5 for place in range(len(now) + 1)]
            axes.stairs(heights, edges, color=_BEFORE, linewidth=1.5)
        axes.set_xticks(list(ticks), list(ticks.values()), fontsize=10)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(below)
        _scale(axes.yaxis, f"{{x:g}}{unit}")
        axes.grid(axis="y")

    return _draw(name, label, draw)


def lines(
    name: str, label: str, now: Sequence[Curve], before: Sequence[Curve],
    *, below: str, from_zero: bool = False,
) -> Markup:  # fmt: skip
    """Draw curves, and earlier ones in another colour; the second of each is dashed."""

    def draw(axes: Axes) -> None:
        for colour, curves in ((_BEFORE, before), (_NOW, now)):
            for curve, style in zip(curves, ("-", "--"), strict=False):
                x, y = zip(*curve, strict=True)
                axes.plot(x, y, color=colour, linewidth=2, marker=".", linestyle=style)
        if from_zero:
            axes.set_xlim(left=0)
            axes.set_ylim(bottom=0)
        axes.set_xlabel(below)
        for axis in (axes.xaxis, axes.yaxis):  # numbers that fit into the margin
            _scale(axis, lambda at, _: f"{at:,g}" if at < _MILLION else f"{at / _MILLION:g} M")
        axes.grid(axis="y")

    return _draw(name, label, draw)


def _scale(axis: Axis, form: str | Callable[[float, object], str]) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axis.set_major_formatter(form)


def _draw(name: str, label: str, draw: Callable[[Axes], None]) -> Markup:
    # Without a writable home, Matplotlib makes itself a temporary one, and warns of it.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib as mpl
    from matplotlib.figure import Figure

    file, whole = io.StringIO(), _ABOVE + _HEIGHT + _BELOW
    with mpl.rc_context():
        mpl.rcdefaults()  # whatever matplotlibrc this machine has
        mpl.rcParams.update(_STYLE | {"svg.hashsalt": name})  # ids: equal for equal plots only
        figure = Figure((_WIDTH, whole))
        # Margins are fixed: fitted ones would depend on the fonts that this machine has.
        left, right = _LEFT / _WIDTH, 1 - _RIGHT / _WIDTH
        figure.subplots_adjust(left, _BELOW / whole, right, 1 - _ABOVE / whole)
        draw(figure.subplots())
        figure.savefig(file, format="svg")
    # Part of a page: the page's font and colours, and no ids but those referred to.
    head, _, inner = file.getvalue().partition("</defs>")  # root, date and the file's own style
    inner = re.sub(r'<g id="[^"]*"', "<g", re.sub(r"font-family: [^;]*; ", "", inner))
    inner = re.sub("|".join(_COLOURS), lambda found: _COLOURS[found[0]], inner)
    (box,) = re.findall(r'viewBox="[^"]+"', head)
    # Matplotlib escapes the words of a plot.
    return Markup(f'<svg {box} role="img" aria-label="{escape(label)}">{inner}')  # noqa: S704
