"""Single titles: which lengths of body are hard, what is best and worst, what has changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from issuesum.training.evaluation import bootstrap
from issuesum.training.evaluation.bootstrap import Interval

if TYPE_CHECKING:
    import pandas as pd

LENGTHS = (0, 16, 32, 64, 128, 256)
"""The least number of words of each bin; the last has no upper end."""
SHOWN = 5


@dataclass(frozen=True)
class Bin:
    """Bodies of similar length.

    Attributes:
        label: the range, in words.
        issues: how many.
        now: mean ROUGE-L of the model.
        before: mean ROUGE-L of the base over its own bodies of that length, if it has any.
    """

    label: str
    issues: int
    now: Interval
    before: float | None


@dataclass(frozen=True)
class Example:
    """One title; `before` is what the base wrote for the same issue."""

    reference: str
    title: str
    rouge_l: float
    url: str
    before: str | None = None
    rouge_l_before: float | None = None


@dataclass(frozen=True)
class Titles:
    """Examples, at most `SHOWN` of each kind, and what became of titles that both have written.

    Attributes:
        best: most words right; among equals the longest.
        worst: least words right; among equals what the model was most sure of.
        improved: titles that gained most against the base.
        worsened: titles that lost most.
        common: issues that both have titled.
        differing: of these, titles that differ.
        better: of these, with a higher ROUGE-L.
        worse: of these, with a lower one.
    """

    best: tuple[Example, ...]
    worst: tuple[Example, ...]
    improved: tuple[Example, ...]
    worsened: tuple[Example, ...]
    common: int
    differing: int
    better: int
    worse: int


def by_length(
    now: pd.DataFrame | None, before: pd.DataFrame | None, *, resamples: int
) -> tuple[Bin, ...]:
    """Return the bins of `LENGTHS` that hold bodies, in their order."""
    if now is None:
        return ()
    bins = []
    for place, least in enumerate(LENGTHS):
        most = LENGTHS[place + 1] - 1 if place + 1 < len(LENGTHS) else None
        rows = _within(now, least, most)
        old = _within(before, least, most) if before is not None else None
        if len(rows):
            label = f"{max(least, 1)}\N{EN DASH}{most}" if most else f"{least}+"
            mean = bootstrap.mean_interval(rows["rouge_l"].to_numpy(), resamples=resamples)
            earlier = None if old is None or old.empty else float(old["rouge_l"].mean())
            bins.append(Bin(label, len(rows), mean, earlier))
    return tuple(bins)


def compare_titles(now: pd.DataFrame | None, before: pd.DataFrame | None) -> Titles | None:
    """Choose examples; equal scores give equal ones."""
    if now is None or now.empty:
        return None
    rows = now.assign(length=now["issue_title"].str.len())
    best = rows.sort_values(["rouge_l", "length", "issue"], ascending=[False, False, True])
    worst = rows.sort_values(["rouge_l", "score", "issue"], ascending=[True, False, True])
    empty = now.head(0) if before is None else before
    both = rows.merge(empty[["issue", "predicted", "rouge_l"]], on="issue", suffixes=("", "_old"))
    differing = both[both["predicted"] != both["predicted_old"]]
    differing = differing.assign(gain=differing["rouge_l"] - differing["rouge_l_old"])
    up = differing[differing["gain"] > 0].sort_values(["gain", "issue"], ascending=[False, True])
    down = differing[differing["gain"] < 0].sort_values(["gain", "issue"])
    return Titles(
        best=_examples(best),
        worst=_examples(worst),
        improved=_examples(up),
        worsened=_examples(down),
        common=len(both),
        differing=len(differing),
        better=len(up),
        worse=len(down),
    )


def _within(rows: pd.DataFrame, least: int, most: int | None) -> pd.DataFrame:
    return rows[rows["words"].between(least, most if most is not None else float("inf"))]


def _examples(rows: pd.DataFrame) -> tuple[Example, ...]:
    return tuple(
        Example(
            reference=str(row["issue_title"]),
            title=str(row["predicted"]),
            rouge_l=float(row["rouge_l"]),
            url=str(row["issue_url"]),
            before=str(row["predicted_old"]) if "predicted_old" in row else None,
            rouge_l_before=float(row["rouge_l_old"]) if "rouge_l_old" in row else None,
        )
        for row in rows.head(SHOWN).to_dict("records")
    )
