"""Single titles: which lengths of body are hard, what is best and worst, what has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from issuesum.training.evaluation import bootstrap
from issuesum.training.evaluation.bootstrap import Interval

if TYPE_CHECKING:
    import pandas as pd

LENGTHS = (0, 16, 32, 64, 128, 256)
"""The least number of words of each bin; the last has no upper end."""
SHOWN = 5
"""Examples of each kind."""


@dataclass(frozen=True)
class LengthBin:
    """Bodies of similar length."""

    label: str  # the range, in words
    issues: int
    now: Interval  # mean ROUGE-L of the model
    before: float | None  # that of the base over its own bodies of that length, if it has any


@dataclass(frozen=True)
class Example:
    """One title; `before` is what the base wrote for the same issue."""

    reference: str
    title: str
    rouge_l: float
    url: str
    before: str | None
    rouge_l_before: float | None


@dataclass(frozen=True)
class TitleExamples:
    """Examples, and what became of titles that both models have written."""

    groups: Mapping[str, tuple[Example, ...]]  # at most `SHOWN` of each kind, by heading
    common: int  # issues that both have titled
    differing: int  # of these, titles that differ
    better: int  # of these, with a higher ROUGE-L
    worse: int


def by_length(
    now: pd.DataFrame | None, before: pd.DataFrame | None, *, resamples: int
) -> tuple[LengthBin, ...]:
    """Return the bins of `LENGTHS` that hold bodies, in their order."""
    bins = []
    for least, above in zip(LENGTHS, (*LENGTHS[1:], None), strict=True):
        most = float("inf") if above is None else above - 1
        rows, old = (
            None if side is None else side[side["words"].between(least, most)]["rouge_l"]
            for side in (now, before)
        )
        if rows is not None and len(rows):
            label = f"{max(least, 1)}\N{EN DASH}{most}" if above else f"{least}+"
            mean = bootstrap.mean_interval(rows.to_numpy(), resamples=resamples)
            earlier = None if old is None or old.empty else float(old.mean())
            bins.append(LengthBin(label, len(rows), mean, earlier))
    return tuple(bins)


def choose_examples(now: pd.DataFrame | None, before: pd.DataFrame | None) -> TitleExamples | None:
    """Choose examples; equal scores give equal ones."""
    if now is None or now.empty:
        return None
    rows = now.assign(length=now["issue_title"].str.len())
    old = now.head(0) if before is None else before
    both = rows.merge(old[["issue", "predicted", "rouge_l"]], on="issue", suffixes=("", "_old"))
    both = both.assign(gain=both["rouge_l"] - both["rouge_l_old"])
    differing = both[both["predicted"] != both["predicted_old"]]
    up, down = differing[differing["gain"] > 0], differing[differing["gain"] < 0]
    groups = {
        "Gained most": _first(up, ["gain", "issue"], [False, True]),
        "Lost most": _first(down, ["gain", "issue"], [True, True]),
        "Best": _first(rows, ["rouge_l", "length", "issue"], [False, False, True]),
        "Worst, and the model was sure of them": _first(
            rows, ["rouge_l", "score", "issue"], [True, False, True]
        ),
    }
    return TitleExamples(groups, len(both), len(differing), len(up), len(down))


def _first(rows: pd.DataFrame, by: list[str], ascending: list[bool]) -> tuple[Example, ...]:
    return tuple(
        Example(
            reference=str(row["issue_title"]),
            title=str(row["predicted"]),
            rouge_l=float(row["rouge_l"]),
            url=str(row["issue_url"]),
            before=row.get("predicted_old"),
            rouge_l_before=row.get("rouge_l_old"),
        )
        for row in rows.sort_values(by, ascending=ascending).head(SHOWN).to_dict("records")
    )
