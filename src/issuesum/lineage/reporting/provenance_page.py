"""A trace as a page for people: self-contained, without scripts, and safe to open."""

import json
from itertools import pairwise
from pathlib import Path

from issuesum.lineage.metrics import UNKNOWN, Metrics
from issuesum.lineage.provenance import facts
from issuesum.lineage.provenance.trace import Trace
from issuesum.lineage.reporting import graph, html
from issuesum.training.evaluation.baselines import method_titles
from issuesum.training.evaluation.metrics import METRICS, PRIMARY, metric_titles


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
        trace=trace,
        known=known,
        UNKNOWN=UNKNOWN,
        files=facts.dirty_files(known),
        steps=facts.facts_of(trace),
        change=facts.change,
        drawings=(graph.wide(*drawing), graph.tall(*drawing)),
        metrics=list(metrics.known(metric_titles()).values()),
        scores=metrics.table(method_titles(), metric_titles()),
        gate=metrics.gate,
        details=pretty | {"dvc.lock": known.lock},
    )


def _drawing(trace: Trace) -> tuple[list[graph.Card], list[graph.Edge]]:
    """Return the chain of whatever stages there are, and next to it scores and commit."""
    steps = facts.facts_of(trace)[::-1]
    cards = [
        graph.Card(
            of.title, of.short, tuple(filter(None, (of.measure, of.making, of.when, of.who)))
        )
        for of in steps
    ]
    scores = len(steps) - bool(trace.image)  # its place, before the image
    cards[scores:scores] = [_scores(trace), _commit(trace)]
    chain = [place for place, card in enumerate(cards) if not card.below]
    edges = [(a, b, "") for a, b in pairwise(chain)]
    known = {of.name: place for of, place in zip(steps, chain, strict=True)}
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
    known, files = trace.provenance, facts.dirty_files(trace.provenance)
    lines = (known.message, known.author, f"and a patch of {len(files)} files" if files else None)
    return graph.Card("commit", (known.commit or UNKNOWN)[:12], lines, "related", below=True)
