"""Two models beside each other, as numbers; nothing here knows Markdown or HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from issuesum.errors import ArtifactError
from issuesum.lineage.reporting.model_report import graph as graphs
from issuesum.lineage.reporting.model_report.titles import Bin, Titles, by_length, compare_titles
from issuesum.training.evaluation import bootstrap
from issuesum.training.evaluation.baselines import BASELINES
from issuesum.training.evaluation.bootstrap import Interval
from issuesum.training.evaluation.metrics import PRIMARY, metric_titles, statistics

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from issuesum.lineage.reporting.model_report.side import Side


def shown_metrics() -> dict[str, str]:
    """Return the titles of all metrics by name; the first decides the verdict."""
    titles = metric_titles()
    return {PRIMARY: titles[PRIMARY], **titles}


@dataclass(frozen=True)
class Figure:
    """One score of both models.

    Attributes:
        now: score of this model, with its interval if there are scores of single titles.
        before: score of the base, likewise; None if it has none.
        difference: `now - before` with its interval, if both have scores of single titles.
    """

    now: Interval | float
    before: Interval | float | None
    difference: Interval | None


@dataclass(frozen=True)
class Comparison:
    """What a report tells.

    Attributes:
        now: the model.
        before: what it is compared with, or None: there is none, or it has no scores.
        figures: by the names of `shown_metrics`.
        basis: how differences were tested, a sentence; empty if they were not.
        baselines: ROUGE-L of the model minus that of each baseline, by the names of `BASELINES`.
        params: what differs in params, by name: before, now.
        changed: nodes of the pipeline whose outputs differ.
        bins: ROUGE-L by length of body.
        titles: examples, or None without scores of single titles.
    """

    now: Side
    before: Side | None
    figures: Mapping[str, Figure]
    basis: str
    baselines: Mapping[str, Interval]
    params: Mapping[str, tuple[object, object]]
    changed: frozenset[str]
    bins: tuple[Bin, ...]
    titles: Titles | None


def compare(
    now: Side,
    before: Side | None,
    params: Mapping[str, tuple[object, object]],
    *,
    resamples: int = bootstrap.RESAMPLES,
) -> Comparison:
    """Compare two models.

    Args:
        now: the model; it must have metrics.
        before: the base, or None.
        params: what differs in params, by name: before, now.
        resamples: of the bootstrap.

    Raises:
        ArtifactError: the model has no metrics.
    """
    if not _has_scores(now):
        raise ArtifactError(
            f"eval/metrics.json must hold the scores of the model that is reported. Received: none "
            f"at {now.name}. Try: dvc repro evaluate."
        )
    if before is not None and not _has_scores(before):
        before = None
    rows = _statistics(now.scores)
    old_rows = _statistics(before.scores if before else None)
    differences, basis = _differences(now, before, rows, old_rows, resamples)
    own = bootstrap.intervals(rows, resamples=resamples) if rows is not None else {}
    old = bootstrap.intervals(old_rows, resamples=resamples) if old_rows is not None else {}
    return Comparison(
        now=now,
        before=before,
        figures={
            name: Figure(
                own.get(name, _score(now, name)),
                old.get(name, _score(before, name)) if before else None,
                differences.get(name),
            )
            for name in shown_metrics()
        },
        basis=basis,
        baselines=baseline_differences(now.scores, resamples=resamples),
        params=params if before else {},
        changed=frozenset(
            graphs.changed(now.graph, now.hashes, before.hashes) if before else set()
        ),
        bins=by_length(now.scores, before.scores if before else None, resamples=resamples),
        titles=compare_titles(now.scores, before.scores if before else None),
    )


def baseline_differences(
    scores: pd.DataFrame | None, *, resamples: int = bootstrap.RESAMPLES
) -> dict[str, Interval]:
    """Return the mean ROUGE-L of the model minus that of each baseline, on the same titles."""
    if scores is None or scores.empty:
        return {}
    return {
        name: bootstrap.mean_interval(
            (scores[PRIMARY] - scores[name]).to_numpy(), resamples=resamples
        )
        for name in BASELINES
        if name in scores
    }


def _differences(
    now: Side,
    before: Side | None,
    rows: NDArray[np.float64] | None,
    old_rows: NDArray[np.float64] | None,
    resamples: int,
) -> tuple[dict[str, Interval], str]:
    if before is None or now.scores is None or before.scores is None:
        return {}, ""
    if rows is None or old_rows is None:
        return {}, ""
    places = {issue: place for place, issue in enumerate(before.scores["issue"])}
    common = [place for place, issue in enumerate(now.scores["issue"]) if issue in places]
    if len(common) < min(len(rows), len(old_rows)):
        text = (
            f"Unpaired bootstrap: the two models were scored on different issues "
            f"({len(rows):,} and {len(old_rows):,}, {len(common):,} of them the same), so part of "
            "a difference may be theirs."
        )
        return bootstrap.unpaired_difference(rows, old_rows, resamples=resamples), text
    old = [places[now.scores["issue"].iloc[place]] for place in common]
    which = "same" if len(rows) == len(old_rows) else "issues that both were scored on,"
    which = f"the {which} {len(common):,}" + (" issues" if which == "same" else "")
    return (
        bootstrap.paired_difference(rows[common], old_rows[old], resamples=resamples),
        f"Paired bootstrap over {which}.",
    )


def _statistics(scores: pd.DataFrame | None) -> NDArray[np.float64] | None:
    if scores is None or scores.empty:
        return None
    return statistics(list(scores["predicted"]), list(scores["issue_title"]))


def _has_scores(side: Side) -> bool:
    try:
        return all(isinstance(_score(side, name), float) for name in shown_metrics())
    except (KeyError, TypeError, ValueError):
        return False


def _score(side: Side, name: str) -> float:
    metrics: Any = side.metrics
    return float(metrics["model"][name])
