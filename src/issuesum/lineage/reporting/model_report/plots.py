"""Plots of a report, in the style of the data report's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

# Private to the data report until the preprocess stage, which depends on every line of it, has to
# rerun for another reason.
from issuesum.lineage.reporting.data_page.plots import (
    _AXIS,
    _BEFORE,
    _GRID,
    _NOW,
    _TEXT,
    _draw,
    _few_ticks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from issuesum.lineage.reporting.model_report.titles import Bin
    from issuesum.training.evaluation.bootstrap import Interval

type Curve = Sequence[tuple[float, float]]


def plot_differences(differences: Mapping[str, Interval], label: str) -> str:
    """Draw differences of scores with their intervals, beside the line of no difference.

    Args:
        differences: by the name that is shown, at most 7 letters.
        label: what the plot shows, for those who cannot see it.
    """

    def draw(axes: Axes) -> None:
        for place, of in enumerate(differences.values()):
            colour = _NOW if of.excludes_zero else _TEXT
            axes.plot([of.low, of.high], [place, place], color=colour, linewidth=2)
            axes.plot([of.value], [place], color=colour, marker="o", markersize=7)
        axes.axvline(0, color=_BEFORE, linewidth=1.5)
        axes.set_yticks(range(len(differences)), list(differences))
        axes.set_ylim(len(differences) - 0.5, -0.5)
        axes.xaxis.set_major_locator(_few_ticks())
        axes.xaxis.set_major_formatter(lambda of, _place: f"{of:+g}" if of else "0")
        axes.set_xlabel("now minus before")
        axes.grid(axis="x")

    return _draw("differences", 0.36 * len(differences), _AXIS, draw, label)


def plot_curves(
    name: str, now: Sequence[Curve], before: Sequence[Curve], label: str, *, dashed: int = -1
) -> str:
    """Draw what was measured at each validation, for this model and the base.

    Args:
        name: of the plot, another for each one of a page.
        now: curves of this model.
        before: those of the base, if there are any.
        label: what the plot shows, for those who cannot see it.
        dashed: the place of a curve that is drawn dashed.
    """

    def draw(axes: Axes) -> None:
        for colour, curves in ((_BEFORE, before), (_NOW, now)):
            for place, curve in enumerate(curves):
                steps, values = zip(*curve, strict=True)
                axes.plot(
                    [step + 1 for step in steps], values, color=colour, linewidth=2, marker=".",
                    linestyle="--" if place == dashed else "-",
                )  # fmt: skip
        axes.set_xlabel("validation")
        axes.xaxis.set_major_locator(_few_ticks())
        axes.yaxis.set_major_locator(_few_ticks())
        axes.grid(axis="y")

    return _draw(name, 2.4, _AXIS, draw, label)


def plot_bins(bins: Sequence[Bin], label: str) -> str:
    """Draw ROUGE-L by length of the body: bars with intervals, and marks of the base.

    Args:
        bins: in their order, at least one.
        label: what the plot shows, for those who cannot see it.
    """

    def draw(axes: Axes) -> None:
        places = range(len(bins))
        axes.bar(places, [part.now.value for part in bins], width=0.72, color=_NOW)
        for place, part in enumerate(bins):
            axes.plot([place, place], [part.now.low, part.now.high], color=_TEXT, linewidth=1.5)
            if part.before is not None:
                edges = [place - 0.42, place + 0.42]
                axes.plot(edges, [part.before] * 2, color=_BEFORE, linewidth=2.5)
        axes.set_xticks(places, [part.label for part in bins], fontsize=10)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("words in the body")
        axes.yaxis.set_major_locator(_few_ticks())
        axes.grid(axis="y", color=_GRID)

    return _draw("lengths", 2.4, _AXIS, draw, label)
