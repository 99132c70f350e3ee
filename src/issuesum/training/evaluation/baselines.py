"""What a model must beat: the table of baselines, one function and one entry each, and the gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from issuesum.text.prose import body_words
from issuesum.training.evaluation.metrics import METRICS, PRIMARY, Scores

if TYPE_CHECKING:
    import pandas as pd


class Settings(Protocol):
    """What baselines read of the section `evaluate` of params.yaml."""

    @property
    def lead_words(self) -> int: ...  # noqa: D102


@dataclass(frozen=True)
class Baseline:
    """A way to make titles that costs nothing."""

    key: str
    """Its name in eval/metrics.json and scores.csv; `evaluate.gate.min_over_KEY` is its margin."""
    title: str  # shown to people
    write: Callable[[pd.DataFrame, Sequence[str], Settings], list[str]]
    """Training split (`issue_title`, `body`), test bodies, settings -> a title for each body."""


def lead(train: pd.DataFrame, bodies: Sequence[str], settings: Settings) -> list[str]:  # noqa: ARG001
    """Return the first words of each body, as a model reads it."""
    return [" ".join(body_words(body)[: settings.lead_words]) for body in bodies]


def neighbour(train: pd.DataFrame, bodies: Sequence[str], settings: Settings) -> list[str]:  # noqa: ARG001
    """Return for each body the title of the training issue whose body is most similar.

    Similarity is the cosine of TF-IDF vectors over our words, learnt from the training split.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.neighbors import NearestNeighbors

    tfidf = TfidfVectorizer(
        analyzer=body_words, dtype=np.float32, sublinear_tf=True, max_features=50_000
    )
    index = NearestNeighbors(n_neighbors=1, metric="cosine").fit(tfidf.fit_transform(train["body"]))
    nearest = index.kneighbors(tfidf.transform(bodies), return_distance=False)
    return list(train["issue_title"].iloc[nearest[:, 0]])


BASELINES: dict[str, Baseline] = {
    "lead": Baseline("lead", "first words of the body", lead),
    "neighbour": Baseline("neighbour", "title of the most similar issue", neighbour),
}
"""By key, in the order of eval/metrics.json."""


def method_titles() -> dict[str, str]:
    """Return the display names of all that is scored, by key: the model, then baselines."""
    return {"model": "this model", **{key: of.title for key, of in BASELINES.items()}}


def shortfalls(scores: Mapping[str, Scores], limits: Mapping[str, float]) -> list[str]:
    """Return why the model must not be shipped, with the numbers; nothing if it may.

    `scores` are of `model` and of the baselines. Of `limits`, which are `evaluate.gate`, `min_KEY`
    and `max_KEY` bound the score in a metric, and `min_over_KEY` is the least difference from a
    baseline in the primary metric, which may be negative. What has no limit is not compared.
    """
    found = []
    for key, metric in METRICS.items():
        reached, title = scores["model"][key], metric.title
        least, most = (limits.get(f"{bound}_{key}") for bound in ("min", "max"))
        if least is not None and reached < least:
            found.append(f"{title} is {reached:.2f}, below evaluate.gate.min_{key} = {least:g}")
        if most is not None and reached > most:
            found.append(f"{title} is {reached:.2f}, above evaluate.gate.max_{key} = {most:g}")
    reached, title = scores["model"][PRIMARY], METRICS[PRIMARY].title
    for key, baseline in BASELINES.items():
        theirs, least = scores[key][PRIMARY], limits.get(f"min_over_{key}")
        if least is not None and reached < theirs + least:
            found.append(
                f"{title} is {reached:.2f}, that of the {baseline.title} {theirs:.2f}: "
                f"{reached - theirs:+.2f}, below evaluate.gate.min_over_{key} = {least:g}"
            )
    return found
