"""A trace as a page for people: self-contained, without scripts, and safe to open."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

from issuesum.lineage.metrics import Metrics
from issuesum.lineage.provenance import facts
from issuesum.lineage.provenance.trace import Trace
from issuesum.lineage.reporting import graph, html
from issuesum.training.evaluation.baselines import method_titles
from issuesum.training.evaluation.metrics import METRICS, PRIMARY, metric_titles

_TEMPLATE = "templates/provenance.html"


def write_page(path: Path, trace: Trace) -> None:
    """Write the page, atomically; equal traces, equal bytes."""
    html.write(path, page(trace))


def write_picture(path: Path, trace: Trace) -> None:
    """Write the drawing alone as SVG, atomically, for a README or a ticket."""
    html.write(path, f"{graph.wide(*_drawing(trace), style=html.style())}\n")


def page(trace: Trace) -> str:
    """Return the page as HTML."""
    known, drawing = trace.provenance, _drawing(trace)
    metrics = Metrics.read(known.metrics)
    tag = "-".join(filter(None, (known.git, known.dvc))) or facts.UNKNOWN
    details = {
        "All params": known.params,
        "All metrics": known.metrics,
        "Labels of the image": trace.image.labels if trace.image else None,
    }
    pretty = {
        name: json.dumps(of, indent=2, ensure_ascii=False) for name, of in details.items() if of
    }
    return html.page(
        _TEMPLATE,
        title=f"Provenance of {tag}",
        tag=tag,
        trace=trace,
        known=known,
        facts=facts,
        drawings=(graph.wide(*drawing), graph.tall(*drawing)),
        metrics=list(metric_titles().values()),
        scores=metrics.table(method_titles(), metric_titles()),
        gate=metrics.gate,
        details=pretty | {"dvc.lock": known.lock},
    )


def _drawing(trace: Trace) -> tuple[list[graph.Card], list[graph.Edge]]:
    steps = [_step(fact) for fact in reversed(facts.facts_of(trace))]
    place = -1 if trace.image else len(steps)
    cards = [*steps[:place], _scores(trace), _commit(trace), *steps[place:]]
    edges = [(one.title, following.title, "") for one, following in pairwise(steps)]
    edges += [("split", "scores", "test split"), ("bundle", "scores", "")]
    edges += [("scores", "image", "gate"), ("commit", "image", "code")]
    titles = {card.title for card in cards}
    return cards, [(a, b, word) for a, b, word in edges if {a, b} <= titles]


def _step(fact: facts.Fact) -> graph.Card:
    lines = filter(None, (fact.measure, fact.making, fact.when, fact.who))
    return graph.Card(facts.TITLES.get(fact.name, fact.name), fact.short, tuple(lines))


def _scores(trace: Trace) -> graph.Card:
    metrics, name = Metrics.read(trace.provenance.metrics), METRICS[PRIMARY].title
    found = dict(metrics.table(method_titles(), {PRIMARY: name}))
    ours = found.pop(method_titles()["model"], None)
    lines = (
        *(f"{score} {of}" for of, score in found.items()),
        f"gate {metrics.gate or facts.UNKNOWN}",
    )
    return graph.Card(
        "scores", f"{name} {ours}" if ours else facts.UNKNOWN, lines, "beside", below=True
    )


def _commit(trace: Trace) -> graph.Card:
    known, files = trace.provenance, facts.dirty_files(trace.provenance)
    patch = f"and a patch of {len(files)} files" if files else ""
    lines = tuple(filter(None, (known.message, known.author, patch)))
    return graph.Card("commit", (known.commit or facts.UNKNOWN)[:12], lines, "beside", below=True)
