"""The model card: the README of a model on Hugging Face."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from issuesum.layout import MODEL_CARD, MODELS, NAME, RAW
from issuesum.lineage.dvc import dotted
from issuesum.lineage.reporting import html, wording
from issuesum.lineage.reporting.comparison import compare
from issuesum.lineage.reporting.model_side import ModelSide, read_side
from issuesum.training.evaluation.baselines import method_titles
from issuesum.training.evaluation.metrics import METRICS

_NO_LANGUAGE = {"unknown", "other"}
_RARE = 0.01  # a rarer language is as likely a mistake of whoever detected it
_MADE_BY = ("preprocess", "train", "build")
"""Sections of params.yaml that decide the weights or the titles."""


def write_card(root: Path, params: dict[str, Any], output: Path = MODEL_CARD) -> ModelSide:
    """Write the card of the working tree, by all of params.yaml (ArtifactError: no scores)."""
    side = read_side(root, None)
    html.write(root / output, render(side, params))
    return side


def render(of: ModelSide, params: Mapping[str, Any]) -> str:
    """Return the card of a model that has metrics; equal arguments give equal text."""
    found, metrics = compare(of, None, {}), of.metrics
    ranking = [name for name in found.figures if METRICS[name].better > 0]
    languages = of.profile.languages.shares if of.profile else {}
    run = f"docker run --rm -p 9000:9000 {of.receipt.pinned}" if of.receipt else "make serve"
    figures = {name: figure.now for name, figure in found.figures.items()}
    return html.render_markdown(
        "templates/model_card.md",
        of=of,
        name=NAME,
        run=Markup(html.plain(run, None)),  # noqa: S704 -- in a block of code
        raw=of.hashes.get(RAW.as_posix()),
        languages=languages,
        rows=metrics.test_rows,
        exact=found.titles is not None,
        metrics=[METRICS[name] for name in figures],
        ranking=[(METRICS[name], metrics.scores["model"][name]) for name in ranking],
        types=list(dict.fromkeys((METRICS[name].hub or [name])[0] for name in ranking)),
        spoken=[code for code, of in languages.items() if code not in _NO_LANGUAGE and of >= _RARE],
        scores={
            title: figures if method == "model" else metrics.scores[method]
            for method, title in method_titles().items()
            if method in metrics.scores
        },
        against=wording.against_baselines(found.baselines),
        score=wording.score,
        explained=wording.EXPLAINED,
        training=of.runs.get("train"),
        models=MODELS.as_posix(),
        params=dotted({section: params.get(section, {}) for section in _MADE_BY}),
    )
