"""Two models compared, as numbers; nothing here knows Markdown or HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from issuesum.errors import ArtifactError
from issuesum.lineage.metrics import Metrics
from issuesum.lineage.provenance.params_diff import Change
from issuesum.lineage.reporting.examples import (
    LengthBin,
    TitleExamples,
    by_length,
    choose_examples,
)
from issuesum.lineage.reporting.model_side import ModelSide
from issuesum.training.evaluation import bootstrap
from issuesum.training.evaluation.baselines import BASELINES
from issuesum.training.evaluation.bootstrap import Interval
from issuesum.training.evaluation.metrics import PRIMARY, metric_titles, statistics

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Figure:
    """One score of both models."""

    now: Interval | float  # with its interval if there are scores of single titles
    before: Interval | float | None  # likewise; None if there is no base, or it has no such score
    difference: Interval | None  # `now - before`, if both have scores of single titles


@dataclass(frozen=True)
class ModelComparison:
    """What a report shows."""

    now: ModelSide
    before: ModelSide | None  # None if there is no base, or it has no scores
    figures: Mapping[str, Figure]  # by metric, `PRIMARY` first
    basis: str  # how differences were tested, a sentence; empty if they were not
    baselines: Mapping[str, Interval]  # `PRIMARY` of the model minus that of each baseline
    params: Mapping[str, Change]  # what differs, by name
    changed: frozenset[str]  # nodes of the pipeline whose outputs differ
    bins: tuple[LengthBin, ...]
    titles: TitleExamples | None  # None without scores of single titles


def model_scores(of: ModelSide) -> dict[str, float]:
    """Return the scores of the model by metric, `PRIMARY` first.

    Raises:
        ArtifactError: it has none.
    """
    found = Metrics.read(of.metrics).scores.get("model", {})
    if PRIMARY not in found:
        raise ArtifactError(
            "eval/metrics.json must hold the scores of the model that is reported. Received: none "
            f"at {of.name}. Try: dvc repro evaluate."
        )
    return {name: found[name] for name in {PRIMARY: "", **metric_titles()} if name in found}


def compare(
    now: ModelSide,
    before: ModelSide | None,
    params: Mapping[str, Change],
    *,
    resamples: int = bootstrap.RESAMPLES,
) -> ModelComparison:
    """Compare a model with a base, if there is one that has metrics.

    Args:
        now: the model.
        before: the base, or None.
        params: what differs in params, by name.
        resamples: of the bootstrap.

    Raises:
        ArtifactError: the model has no metrics.
    """
    scores, earlier = model_scores(now), dict[str, float]()
    try:
        earlier = model_scores(before) if before else {}
    except ArtifactError:
        before = None
    tables = now.scores, before.scores if before else None
    own, old = (intervals_of(table, resamples) for table in tables)
    differences, basis = _differences(*tables, resamples)
    return ModelComparison(
        now=now,
        before=before,
        figures={
            name: Figure(
                own.get(name, score), old.get(name, earlier.get(name)), differences.get(name)
            )
            for name, score in scores.items()
        },
        basis=basis,
        baselines=baseline_differences(now.scores, resamples),
        params=params if before else {},
        changed=now.pipeline.changed(now.hashes, before.hashes) if before else frozenset(),
        bins=by_length(*tables, resamples=resamples),
        titles=choose_examples(*tables),
    )


def intervals_of(
    titles: pd.DataFrame | None, resamples: int = bootstrap.RESAMPLES
) -> dict[str, Interval]:
    """Return each score with its interval; nothing without scores of single titles."""
    if titles is None or titles.empty:
        return {}
    return bootstrap.intervals(_statistics(titles), resamples=resamples)


def baseline_differences(
    titles: pd.DataFrame | None, resamples: int = bootstrap.RESAMPLES
) -> dict[str, Interval]:
    """Return the mean `PRIMARY` of the model minus that of each baseline, on the same titles."""
    if titles is None or titles.empty:
        return {}
    gains = {name: titles[PRIMARY] - titles[name] for name in BASELINES if name in titles}
    return {
        name: bootstrap.mean_interval(of.to_numpy(), resamples=resamples)
        for name, of in gains.items()
    }


def _differences(
    now: pd.DataFrame | None, before: pd.DataFrame | None, resamples: int
) -> tuple[dict[str, Interval], str]:
    if now is None or before is None or now.empty or before.empty:
        return {}, ""
    rows, old_rows = _statistics(now), _statistics(before)
    issues, old_issues = list(now["issue"]), list(before["issue"])
    places = {issue: place for place, issue in enumerate(old_issues)}
    common = [place for place, issue in enumerate(issues) if issue in places]
    if len(common) < min(len(rows), len(old_rows)):
        return bootstrap.unpaired_difference(rows, old_rows, resamples=resamples), (
            f"Unpaired bootstrap: the two models were scored on different issues "
            f"({len(rows):,} and {len(old_rows):,}, {len(common):,} of them the same), so part of "
            "a difference may be theirs."
        )
    old = [places[issues[place]] for place in common]
    same = len(rows) == len(old_rows)
    which = f"same {len(common):,} issues" if same else f"{len(common):,} issues that both have"
    found = bootstrap.paired_difference(rows[common], old_rows[old], resamples=resamples)
    return found, f"Paired bootstrap over the {which}."


def _statistics(titles: pd.DataFrame) -> NDArray[np.float64]:
    return statistics(list(titles["predicted"]), list(titles["issue_title"]))
