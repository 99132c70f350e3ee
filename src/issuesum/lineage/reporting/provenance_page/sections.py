"""The sections of the page as HTML; whatever a provenance holds is escaped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape

from issuesum.lineage.metrics import Metrics
from issuesum.lineage.provenance import facts
from issuesum.lineage.provenance.model import Provenance
from issuesum.lineage.provenance.trace import Trace
from issuesum.training.evaluation.baselines import method_titles
from issuesum.training.evaluation.metrics import metric_titles


def warnings(trace: Trace) -> str:
    """Show labels that are not what the provenance says."""
    lines = trace.image.disagreements if trace.image else ()
    return "".join(f'<p class="warning">{escape(line)}</p>\n' for line in lines)


def artefacts(trace: Trace) -> str:
    """Show each thing between image and raw data with its whole hash."""
    rows = [
        (
            escape(facts.TITLES.get(fact.name, fact.name)),
            f'<span class="hash">{escape(fact.hash or facts.UNKNOWN)}</span>',
            *(escape(cell) for cell in (fact.measure, fact.making, fact.when, fact.who)),
        )
        for fact in facts.facts_of(trace)
    ]
    head = ("", "hash", "size", "made by", "begun", "who")
    return _section("Step by step", _table(head, rows, "left steps"))


def commit(known: Provenance) -> str:
    """Show commit, author, and what a dirty tree added."""
    lines = [
        ("commit", f'<span class="hash">{escape(known.commit or facts.UNKNOWN)}</span>'),
        ("message", _text(known.message)),
        ("author", _text(known.author)),
        ("date", _text(known.committed)),
        ("repository", _text(known.source)),
        ("DVC remote", _text(known.remote and known.remote.url)),
    ]
    files = facts.dirty_files(known)
    if files is None:
        told = _text(None)
    elif files:
        told = "<br>".join(f'<span class="mono">{escape(path)}</span>' for path in files)
    else:
        told = "none: the tree was clean"
    lines.append(("changed since", told))
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>\n" for name, value in lines)
    return _section("Code", f"<dl>\n{listed}</dl>")


def scores(known: Provenance) -> str:
    """Show the scores beside the baselines, and the gate's verdict."""
    metrics = known.metrics
    if not metrics:
        return _section("Scores", f"<p>{facts.UNKNOWN}</p>")
    found, titles = Metrics.read(metrics), metric_titles()
    rows = [(escape(title), *numbers) for title, *numbers in found.table(method_titles(), titles)]
    verdict = str(found.gate or facts.UNKNOWN)
    kind = {"p": "good", "f": "bad"}.get(verdict[0], "")
    return _section(
        "Scores",
        f'<div class="scroll">{_table(("F1 in %", *titles.values()), rows, "scores")}</div>',
        f'<p>Gate: <strong class="{kind}">{escape(verdict)}</strong></p>',
    )


def params(known: Provenance) -> str:
    """Show the params that are not those by default."""
    changed = known.changed_params
    if not changed:
        told = "All as by default." if changed is not None else f"{facts.UNKNOWN}"
        return _section("Params", f"<p>{told}</p>")
    rows = [
        (f'<span class="mono">{escape(name)}</span>', escape(facts.change(values)))
        for name, values in changed.items()
    ]
    return _section("Params", _table(("", "default → used"), rows, "left wrap"))


def tools(known: Provenance) -> str:
    """Show versions of the tools."""
    rows = [(escape(name), escape(str(value))) for name, value in (known.tools or {}).items()]
    return _section("Tools", _table(("", "version"), rows) if rows else f"<p>{facts.UNKNOWN}</p>")


def details(trace: Trace) -> str:
    """Show params, labels and lock as they are, folded."""
    known = trace.provenance
    texts = {
        "All params": _pretty(known.params),
        "All metrics": _pretty(known.metrics),
        "Labels of the image": _pretty(trace.image.labels) if trace.image else "",
        "dvc.lock": known.lock or "",
    }
    return "\n".join(
        f"<details><summary>{name}</summary>\n<pre>{escape(text)}</pre></details>"
        for name, text in texts.items()
        if text
    )


def _pretty(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) if content else ""


def _text(value: object) -> str:
    if not value:
        return f'<span class="faint">{facts.UNKNOWN}</span>'
    return f"<bdi>{escape(str(value))}</bdi>"


def _section(heading: str, *parts: str) -> str:
    inner = "\n".join(parts)
    return f"<section>\n<h2>{heading}</h2>\n{inner}\n</section>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    titles = "".join(f'<th scope="col">{name}</th>' if name else "<td></td>" for name in head)
    body = "".join(
        f'<tr><th scope="row">{name}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>\n"
        for name, *cells in rows
    )
    return (
        f'<table class="{kind}"><thead><tr>{titles}</tr></thead>\n<tbody>\n{body}</tbody></table>'
    )
