"""The model card: what Hugging Face calls the README of a model, made from what the runs left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

from issuesum.errors import ArtifactError
from issuesum.layout import MODELS
from issuesum.lineage.provenance.dotted import dotted
from issuesum.lineage.reporting.model_report import wording
from issuesum.lineage.reporting.model_report.comparison import (
    baseline_differences,
    shown_metrics,
)
from issuesum.lineage.reporting.model_report.escaping import markdown as safe
from issuesum.training.evaluation.baselines import BASELINES, method_titles
from issuesum.training.evaluation.bootstrap import Interval, intervals
from issuesum.training.evaluation.metrics import METRICS, statistics

if TYPE_CHECKING:
    from issuesum.lineage.reporting.model_report.side import Side

NAME = "issuesummarization"
_RAW = "data/raw/github_issues.csv"
_NO_LANGUAGE = {"unknown", "other"}
_RARE = 0.01  # a rarer language is as likely a mistake of whoever detected it
_MADE_BY = ("preprocess", "train", "build")
"""Sections of params.yaml that decide the weights or the titles."""


def render(of: Side, params: Mapping[str, Any]) -> str:
    """Return the card of a model; equal arguments give equal text.

    Args:
        of: the model; what is missing but its metrics is left out.
        params: the whole of params.yaml.

    Raises:
        ArtifactError: the model has no metrics.
    """
    try:
        metrics: dict[str, Any] = dict(of.metrics or {})
        scores = {name: float(metrics["model"][name]) for name in METRICS}
        rows = int(metrics["test_rows"])
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(
            f"eval/metrics.json must hold the scores of the model. Received: none at {of.name}. "
            "Try: dvc repro evaluate."
        ) from error
    header = yaml.safe_dump(_header(of, scores), sort_keys=False, allow_unicode=True, width=100)
    parts = (
        _ABOUT,
        _training_data(of),
        _evaluation(of, metrics, rows),
        _use(of),
        _making(of, params),
        _LICENCE,
    )
    return f"---\n{header}---\n\n" + "\n".join(filter(None, parts))


def _header(of: Side, scores: Mapping[str, float]) -> dict[str, Any]:
    """Return the metadata, by the names that the hub documents."""
    shares = of.profile.languages.shares if of.profile else {}
    languages = [
        code for code, share in shares.items() if code not in _NO_LANGUAGE and share >= _RARE
    ]
    dataset = {"name": "GitHub issues", "type": "github_issues", "split": "test"}
    if _RAW in of.hashes:
        dataset["revision"] = of.hashes[_RAW]
    measured = []
    for name, shown in shown_metrics().items():
        kind, part = METRICS[name].hub or (name, None)
        measured.append({"type": kind, "value": round(scores[name], 2), "name": shown})
        if part:
            measured[-1]["config"] = part
    return {
        **({"language": languages} if languages else {}),
        "license": "apache-2.0",
        "library_name": "onnx",
        "pipeline_tag": "summarization",
        "tags": ["summarization", "github-issues", "onnx", "seldon"],
        "metrics": list(dict.fromkeys(one["type"] for one in measured)),
        "model-index": [
            {
                "name": NAME,
                "results": [
                    {
                        "task": {"type": "summarization", "name": "Titles of GitHub issues"},
                        "dataset": dataset,
                        "metrics": measured,
                    }
                ],
            }
        ],
    }


_ABOUT = f"""# {NAME}

Writes a title for a GitHub issue from its body. A small recurrent encoder and decoder with
attention, exported to ONNX; which architecture, and how it was trained, is told below.

## Intended use

To propose a title to somebody who writes or triages an issue, who then decides. It is an example of
a model whose making can be traced, not a product.

## Limits

- It reads the beginning of a body only, and knows the words and languages of its training data.
- It may write a title that is fluent and wrong, name what the body does not, or repeat offensive or
  personal words of the body. Do not publish its titles unread.
- ROUGE and BLEU count words shared with the author's title. They do not tell whether a title is
  true or helpful.
- It was not tested for differences between languages, projects or groups of people.
"""

_LICENCE = """## Licence

The code is under the Apache License 2.0, and so are the weights as far as they are ours to license.
The rights of the issues stay with their authors. The server in the image, seldon-core, is under the
Business Source License 1.1.
"""


def _training_data(of: Side) -> str:
    lines = [f"{name}: {number:,}" for name, number in wording.rows_of(of).items()]
    if of.profile:
        shares = of.profile.languages.shares.items()
        told = ", ".join(f"{safe(code)} {100 * share:.1f} %" for code, share in shares)
        lines += [
            f"languages of a sample of bodies: {told}",
            f"median words of a body: {of.profile.body.words_median:,}",
            f"median words of a title: {of.profile.title.words_median:,}",
        ]
    if _RAW in of.hashes:
        lines.append(f"md5 of the raw file: `{of.hashes[_RAW]}`")
    listed = "\n".join(f"- {line}" for line in lines)
    return f"## Training data\n\nTitles and bodies of GitHub issues.\n\n{listed}\n" if lines else ""


def _evaluation(of: Side, metrics: Mapping[str, Any], rows: int) -> str:
    exact = _intervals(of)
    names = method_titles()
    table = "".join(
        f"| {shown} | "
        + " | ".join(
            wording.score(exact[name] if method == "model" and exact else metrics[method][name])
            for name in shown_metrics()
        )
        + " |\n"
        for method, shown in names.items()
        if method in metrics
    )
    head = f"| | {' | '.join(shown_metrics().values())} |\n|:--|{'--:|' * len(METRICS)}\n"
    against = "".join(
        f"- Against the {BASELINES[name].title}: ROUGE-L {wording.signed(difference)}.\n"
        for name, difference in baseline_differences(of.scores).items()
    )
    brackets = " In brackets: 95 % bootstrap intervals." if exact else ""
    return (
        f"## Evaluation\n\nOn {rows:,} issues that training never saw, by the exported model, F1 "
        f"and BLEU times 100.{brackets}\n\n{head}{table}\n{against}"
    )


def _intervals(of: Side) -> dict[str, Interval]:
    if of.scores is None or of.scores.empty:
        return {}
    return intervals(statistics(list(of.scores["predicted"]), list(of.scores["issue_title"])))


def _use(of: Side) -> str:
    image = of.receipt or {}
    pinned = f"{str(image.get('image', '')).rpartition(':')[0]}@{image.get('digest')}"
    run = f"docker run --rm -p 9000:9000 {pinned}" if image.get("digest") else "make serve"
    return f"""## How to use it

```console
$ {run}
$ curl -s -H 'Content-Type: application/json' \\
    -d '{{"data": {{"ndarray": ["The app crashes when I press save twice."]}}}}' \\
    http://localhost:9000/api/v1.0/predictions
```
"""


def _making(of: Side, params: Mapping[str, Any]) -> str:
    hashes = "".join(
        f"| {safe(stage)} | `{path}` | `{digest}` |\n"
        for stage, path, digest in wording.artefacts(of)
    )
    told = "\n".join(filter(None, (_image(of), _training(of))))
    dials = "".join(
        f"| {safe(name)} | {safe(str(value))} |\n"
        for section in _MADE_BY
        for name, value in dotted(params.get(section, {}), f"{section}.").items()
    )
    return (
        f"## How it was made\n\nBy the stages of dvc.yaml; equal inputs give equal bytes.\n\n{told}"
        f"\n| stage | output | DVC's hash |\n|:--|:--|:--|\n{hashes}\n<details><summary>Params"
        f"</summary>\n\n| param | value |\n|:--|:--|\n{dials}\n</details>\n"
    )


def _image(of: Side) -> str:
    image = of.receipt
    if not image:
        return ""
    return (
        f"- image: `{image.get('image')}`, digest `{image.get('digest')}`\n"
        f"- Git commit: `{image.get('git')}`"
    )


def _training(of: Side) -> str:
    run = of.runs.get("train")
    if not run or _made_another(run, of):
        return ""
    device = f", on {safe(str(run['device']))}" if run.get("device") else ""
    seconds = float(run.get("seconds") or 0)
    return f"- trained {str(run['started'])[:10]}, in {seconds:,.0f} s{device}\n"


def _made_another(run: Mapping[str, Any], of: Side) -> bool:
    """Tell whether a record, which may name its outputs, is of the training of another model."""
    made = run.get("outs") or {}
    path = MODELS.as_posix()
    return path in made and made[path].get("md5") != of.hashes.get(path)
