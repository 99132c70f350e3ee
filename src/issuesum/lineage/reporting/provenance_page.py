"""A trace for people: lines for a terminal, a page that is safe to open, and a drawing."""

import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from issuesum.console import duration, human_size
from issuesum.lineage.metrics import UNKNOWN, Metrics
from issuesum.lineage.provenance.model import Artefact, Provenance
from issuesum.lineage.provenance.trace import Trace
from issuesum.lineage.reporting import graph, html
from issuesum.lineage.tag import patched_files
from issuesum.training.evaluation.baselines import method_titles
from issuesum.training.evaluation.metrics import METRICS, PRIMARY, metric_titles


def steps_of(trace: Trace) -> list[Artefact]:
    """Return what is known of each thing, the image first and the raw data last."""
    known, image = trace.provenance, trace.image
    steps = [*reversed(known.artefacts or ())]
    if image:
        steps.insert(0, Artefact(name="image", md5=image.digest, size=image.size, stage="export",
                                 started=known.created, user=known.user))  # fmt: skip
    return steps


def card_of(item: Artefact) -> graph.Card:
    """Return size and rows or files, what made it, when and who; empty if that is not known."""
    size = None if item.size is None else human_size(item.size)
    files = None if item.nfiles is None else f"{item.nfiles:,} files"
    amount = files if item.rows is None else f"{item.rows:,} rows"
    took = None if item.seconds is None else duration(item.seconds)
    return graph.Card(
        "raw data" if item.name == "raw" else item.name,
        (item.md5 or UNKNOWN).removeprefix("sha256:")[:12],
        (
            ", ".join(filter(None, (size, amount))),
            ", ".join(filter(None, (item.stage, took, item.device))),
            _when(item.started),
            " @ ".join(filter(None, (item.user, item.host))),
        ),
    )


def picture(trace: Trace) -> str:
    """Return the drawing alone as SVG, for a README or a ticket; equal traces, equal text."""
    return f"{graph.draw(*_drawing(trace), style=html.style())}\n"


def text_of(trace: Trace) -> str:
    """Return the trace as lines; what came from elsewhere cannot move the cursor."""
    values = _values(trace)
    names = [f"{'   ' * (depth - 1)}{'└─ ' * bool(depth)}{step.title}"
             for depth, (_, step) in enumerate(values["steps"])]  # fmt: skip
    scores = values["metrics"].lines(method_titles(), metric_titles())
    return html.render_text("templates/provenance.txt", **values, names=names, scores=scores)


def page(trace: Trace) -> str:
    """Return the page as HTML; equal traces, equal text."""
    known, values = trace.provenance, _values(trace)
    tag = "-".join(filter(None, (known.git, known.dvc))) or UNKNOWN
    details = {
        "All params": known.params,
        "All metrics": known.metrics,
        "Labels of the image": trace.image.labels if trace.image else None,
    }
    pretty = {
        name: json.dumps(of, indent=2, ensure_ascii=False) for name, of in details.items() if of
    }
    return html.page(
        "templates/provenance.html",
        title=f"Provenance of {tag}",
        tag=tag,
        **values,
        drawing=graph.draw(*_drawing(trace)),
        titles=list(values["metrics"].known(metric_titles()).values()),
        scores=values["metrics"].table(method_titles(), metric_titles()),
        details=pretty | {"dvc.lock": known.lock},
    )


def _values(trace: Trace) -> dict[str, Any]:
    """Return what text and page show."""
    known, steps = trace.provenance, steps_of(trace)
    return {
        "trace": trace, "known": known, "UNKNOWN": UNKNOWN, "files": dirty_files(known),
        "steps": [(item.md5, card_of(item)) for item in steps], "change": change,
        "metrics": Metrics.read(known.metrics),
    }  # fmt: skip


def _drawing(trace: Trace) -> tuple[list[graph.Card], list[graph.Edge]]:
    """Return the chain of whatever stages there are, and next to it scores and commit."""
    steps = steps_of(trace)[::-1]
    cards = [card_of(item) for item in steps]
    scores = len(steps) - bool(trace.image)  # its place, before the image
    cards[scores:scores] = [_scores(trace), _commit(trace)]
    chain = [place for place, card in enumerate(cards) if not card.below]
    edges = [(a, b, "") for a, b in pairwise(chain)]
    known = {item.name: place for item, place in zip(steps, chain, strict=True)}
    evaluated = (("split", "test split"), ("bundle", ""))
    edges += [(known[name], scores, word) for name, word in evaluated if name in known]
    if trace.image:
        edges += [(scores, scores + 2, "gate"), (scores + 1, scores + 2, "code")]
    return cards, edges


def _scores(trace: Trace) -> graph.Card:
    metrics, name = Metrics.read(trace.provenance.metrics), METRICS[PRIMARY].title
    rows = metrics.table(method_titles(), {PRIMARY: name})
    found = {title: next(iter(scores), UNKNOWN) for title, *scores in rows}
    ours = found.pop(method_titles()["model"], None)
    lines = [f"{score} {of}" for of, score in found.items()] + [f"gate {metrics.gate or UNKNOWN}"]
    digits = f"{name} {ours}" if ours else UNKNOWN
    return graph.Card("scores", digits, tuple(lines), "related", below=True)


def _commit(trace: Trace) -> graph.Card:
    known, files = trace.provenance, dirty_files(trace.provenance)
    lines = (known.message, known.author, f"and a patch of {len(files)} files" if files else None)
    return graph.Card("commit", (known.commit or UNKNOWN)[:12], lines, "related", below=True)


def dirty_files(provenance: Provenance) -> list[str] | None:
    """Return the files of the patch, none for a clean tree, or None if they are not known."""
    patch = provenance.patch
    if patch is None:
        return None if provenance.dirty is not False else []
    try:
        return patched_files(patch.content) or None
    except (ValueError, SyntaxError):
        return None


def change(values: list[Any]) -> str:
    """Return a changed param as `default → used`."""
    return " → ".join("none" if value is None else str(value) for value in values)


def _when(text: str | None) -> str:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return ""
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"{moment:%Y-%m-%d %H:%M} UTC"
