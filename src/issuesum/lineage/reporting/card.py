"""The model card: what Hugging Face calls the README of a model, made from what the runs left."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup

from issuesum.layout import MODELS, RAW
from issuesum.lineage.metrics import Metrics
from issuesum.lineage.provenance.params_diff import dotted
from issuesum.lineage.reporting import html, markdown, wording
from issuesum.lineage.reporting.comparison import baseline_differences, intervals_of, model_scores
from issuesum.lineage.reporting.model_side import ModelSide, read_side
from issuesum.training.evaluation.baselines import method_titles
from issuesum.training.evaluation.metrics import METRICS

CARD = Path("eval/MODEL_CARD.md")
NAME = "issuesummarization"
_TEMPLATE = "templates/model_card.md"
_NO_LANGUAGE = {"unknown", "other"}
_RARE = 0.01  # a rarer language is as likely a mistake of whoever detected it
_MADE_BY = ("preprocess", "train", "build")
"""Sections of params.yaml that decide the weights or the titles."""


def write_card(root: Path, params: dict[str, Any], output: Path = CARD) -> ModelSide:
    """Write the model card of the working tree, by the whole of params.yaml.

    Raises:
        ArtifactError: there are no scores.
        RepositoryError: there is no repository.
    """
    side = read_side(root, None)
    html.write(root / output, render(side, params))
    return side


def render(of: ModelSide, params: Mapping[str, Any]) -> str:
    """Return the card of a model; equal arguments give equal text.

    What is missing is left out.

    Raises:
        ArtifactError: the model has no metrics.
    """
    scores, exact, metrics = model_scores(of), intervals_of(of.scores), Metrics.read(of.metrics)
    image = of.receipt or {}
    pinned = f"{str(image.get('image', '')).rpartition(':')[0]}@{image.get('digest')}"
    run = f"docker run --rm -p 9000:9000 {pinned}" if image.get("digest") else "make serve"
    header = yaml.safe_dump(_header(of, scores), sort_keys=False, allow_unicode=True, width=100)
    return markdown.render(
        _TEMPLATE,
        of=of,
        header=Markup(header),  # noqa: S704 -- YAML
        name=NAME,
        run=Markup(html.plain(run, None)),  # noqa: S704 -- in a block of code
        raw=of.hashes.get(RAW.as_posix()),
        languages=of.profile.languages.shares if of.profile else {},
        rows=metrics.test_rows,
        exact=exact,
        metrics={name: METRICS[name].title for name in scores},
        scores={
            title: {**metrics.scores[method], **(exact if method == "model" else {})}
            for method, title in method_titles().items()
            if method in metrics.scores
        },
        against=wording.against_baselines(baseline_differences(of.scores)),
        score=wording.score,
        training=_training(of),
        params=dotted({section: params.get(section, {}) for section in _MADE_BY}),
    )


def _header(of: ModelSide, scores: Mapping[str, float]) -> dict[str, Any]:
    """Return the metadata, by the names that the hub documents."""
    shares = of.profile.languages.shares if of.profile else {}
    languages = [
        code for code, share in shares.items() if code not in _NO_LANGUAGE and share >= _RARE
    ]
    raw = of.hashes.get(RAW.as_posix())
    dataset = {"name": "GitHub issues", "type": "github_issues", "split": "test"}
    dataset |= {"revision": raw} if raw else {}
    measured = []
    for name, value in scores.items():
        kind, part = METRICS[name].hub or (name, None)
        config = {"config": part} if part else {}
        measured.append(
            {"type": kind, "value": round(value, 2), "name": METRICS[name].title, **config}
        )
    task = {"type": "summarization", "name": "Titles of GitHub issues"}
    result = {"task": task, "dataset": dataset, "metrics": measured}
    return {
        **({"language": languages} if languages else {}),
        "license": "apache-2.0",
        "library_name": "onnx",
        "pipeline_tag": "summarization",
        "tags": ["summarization", "github-issues", "onnx", "seldon"],
        "metrics": list(dict.fromkeys(metric["type"] for metric in measured)),
        "model-index": [{"name": NAME, "results": [result]}],
    }


def _training(of: ModelSide) -> str | None:
    """Return when, how long and on what the model was trained, if a run here made it."""
    run = of.runs.get("train")
    # A record, which may name its outputs, can be of the training of another model.
    made = run and run.outs.get(MODELS.as_posix())
    if not run or (made and made.md5 != of.hashes.get(MODELS.as_posix())):
        return None
    device = f", on {run.device}" if run.device else ""
    return f"trained {run.started[:10]}, in {run.seconds or 0:,.0f} s{device}"
