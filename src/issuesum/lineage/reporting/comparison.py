"""Two models compared, as numbers; nothing here knows Markdown or HTML."""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from issuesum.errors import ArtifactError
from issuesum.lineage.dvc import Change
from issuesum.lineage.reporting.model_side import ModelSide
from issuesum.training.evaluation import bootstrap
from issuesum.training.evaluation.baselines import BASELINES
from issuesum.training.evaluation.bootstrap import RESAMPLES, Interval
from issuesum.training.evaluation.metrics import METRICS, PRIMARY, statistics

LENGTHS = (0, 16, 32, 64, 128, 256)
"""The least number of words of each bin; the last has no upper end."""
SHOWN = 5
"""Examples of each kind."""


@dataclass(frozen=True)
class Figure:
    """One score of both models."""

    now: Interval | float  # with its interval if there are scores of single titles
    before: Interval | float | None  # likewise; None if there is no base, or it has no such score
    difference: Interval | None  # `now - before`, if both have scores of single titles
    better: int = 1  # as `Metric.better`


@dataclass(frozen=True)
class LengthBin:
    """Bodies of similar length."""

    label: str  # the range, in words
    issues: int
    now: Interval  # mean ROUGE-L of the model
    before: float | None  # that of the base over its own bodies of that length, if it has any


@dataclass(frozen=True)
class TitleExamples:
    """Examples, and what became of titles that both models have written."""

    # At most `SHOWN` of each kind by heading: reference, title, rouge_l and url, and where the base
    # wrote a title for the same issue, before and rouge_l_before.
    groups: Mapping[str, list[dict[Hashable, Any]]]
    common: int  # issues that both have titled
    differing: int  # of these, titles that differ
    better: int  # of these, with a higher ROUGE-L
    worse: int


@dataclass(frozen=True)
class ModelComparison:
    """What a report shows."""

    now: ModelSide
    before: ModelSide | None  # None if there is no base, or it has no scores
    figures: Mapping[str, Figure]  # by metric, `PRIMARY` first
    basis: str  # how differences were tested, a sentence; empty if they were not
    baselines: Mapping[str, Interval]  # `PRIMARY` of the model minus that of each baseline
    params: Mapping[str, Change]  # what differs, by name
    changed: frozenset[str]  # nodes an output of which differs
    bins: tuple[LengthBin, ...]
    titles: TitleExamples | None  # None without scores of single titles


def compare(
    now: ModelSide, before: ModelSide | None, params: Mapping[str, Change],
    *, resamples: int = RESAMPLES,
) -> ModelComparison:  # fmt: skip
    """Compare a model with a base that may lack metrics (ArtifactError: the model has none)."""
    scores, earlier = _scores(now), _scores(before)
    if not scores:
        raise ArtifactError(
            "eval/metrics.json must hold the scores of the model that is reported. Received: none "
            f"at {now.name}. Try: dvc repro evaluate."
        )
    if not earlier:
        before = None
    titles = pd.DataFrame() if now.scores is None else now.scores
    old = titles.head(0) if before is None or before.scores is None else before.scores
    own, theirs = (
        {} if of.empty else bootstrap.intervals(_statistics(of), resamples=resamples)
        for of in (titles, old)
    )
    differences, basis = _differences(titles, old, resamples)
    return ModelComparison(
        now=now,
        before=before,
        figures={
            of: Figure(
                own.get(of, score),
                theirs.get(of, earlier.get(of)),
                differences.get(of),
                METRICS[of].better,
            )
            for of, score in scores.items()
        },
        basis=basis,
        baselines={
            name: _mean(titles[PRIMARY] - titles[name], resamples)
            for name in BASELINES
            if name in titles
        },
        params=params if before else {},
        changed=_changed(now, before) if before else frozenset(),
        bins=() if titles.empty else _by_length(titles, old, resamples),
        titles=None if titles.empty else _choose_examples(titles, old),
    )


def _changed(now: ModelSide, before: ModelSide) -> frozenset[str]:
    paths = {**now.hashes, **before.hashes}
    differs = {path for path in paths if now.hashes.get(path) != before.hashes.get(path)}
    return frozenset(name for name, outs in now.nodes.items() if differs.intersection(outs))


def _scores(of: ModelSide | None) -> dict[str, float]:
    """Return the scores of the model by metric, `PRIMARY` first; none if it lacks that."""
    found = of.metrics.scores.get("model", {}) if of else {}
    names = dict.fromkeys([PRIMARY, *METRICS] if PRIMARY in found else ())
    return {name: found[name] for name in names if name in found}


def _statistics(titles: pd.DataFrame) -> NDArray[np.float64]:
    return statistics(list(titles["predicted"]), list(titles["issue_title"]))


def _mean(values: "pd.Series[float]", resamples: int) -> Interval:
    return bootstrap.mean_interval(values.to_numpy(), resamples=resamples)


def _differences(
    now: pd.DataFrame, before: pd.DataFrame, resamples: int
) -> tuple[dict[str, Interval], str]:
    """Return the difference in each metric, and how it was tested."""
    if now.empty or before.empty:
        return {}, ""
    rows, old_rows = _statistics(now), _statistics(before)
    places = {issue: place for place, issue in enumerate(before["issue"])}
    common = [place for place, issue in enumerate(now["issue"]) if issue in places]
    if len(common) < min(len(rows), len(old_rows)):
        return bootstrap.unpaired_difference(rows, old_rows, resamples=resamples), (
            f"Unpaired bootstrap: the two models were scored on different issues "
            f"({len(rows):,} and {len(old_rows):,}, {len(common):,} of them the same), so part of "
            "a difference may be theirs."
        )
    old = [places[issue] for issue in now["issue"].iloc[common]]
    same = len(rows) == len(old_rows)
    which = f"same {len(common):,} issues" if same else f"{len(common):,} issues that both have"
    found = bootstrap.paired_difference(rows[common], old_rows[old], resamples=resamples)
    return found, f"Paired bootstrap over the {which}."


def _by_length(now: pd.DataFrame, before: pd.DataFrame, resamples: int) -> tuple[LengthBin, ...]:
    """Return the bins of `LENGTHS` that hold bodies, in their order."""
    bins = []
    for least, above in pairwise((*LENGTHS, math.inf)):
        rows, old = (
            of[of["words"].between(least, above, inclusive="left")]["rouge_l"]
            for of in (now, before)
        )
        if len(rows):
            last = above == math.inf
            label = f"{least}+" if last else f"{max(least, 1)}\N{EN DASH}{above - 1}"
            earlier = float(old.mean()) if len(old) else None
            bins.append(LengthBin(label, len(rows), _mean(rows, resamples), earlier))
    return tuple(bins)


def _choose_examples(now: pd.DataFrame, before: pd.DataFrame) -> TitleExamples:
    """Return examples of each kind; equal scores give equal ones."""
    rows = now.assign(length=now["issue_title"].str.len())
    old = before[["issue", "predicted", "rouge_l"]]
    both = rows.merge(old, on="issue", suffixes=("", "_old"))
    both["gain"] = both["rouge_l"] - both["rouge_l_old"]
    differing = both[both["predicted"] != both["predicted_old"]]
    up, down = differing[differing["gain"] > 0], differing[differing["gain"] < 0]
    groups = {  # by which columns, and whether the least goes first
        "Gained most": _first(up, gain=False, issue=True),
        "Lost most": _first(down, gain=True, issue=True),
        "Best": _first(rows, rouge_l=False, length=False, issue=True),
        "Worst, and the model was sure of them": _first(
            rows, rouge_l=True, score=False, issue=True
        ),
    }
    return TitleExamples(groups, len(both), len(differing), len(up), len(down))


def _first(rows: pd.DataFrame, **ascending: bool) -> list[dict[Hashable, Any]]:
    chosen = rows.sort_values([*ascending], ascending=[*ascending.values()]).head(SHOWN)
    names = {"issue_title": "reference", "predicted": "title", "issue_url": "url",
             "predicted_old": "before", "rouge_l_old": "rouge_l_before"}  # fmt: skip
    return chosen.rename(columns=names).to_dict("records")
