"""A trace for the terminal: from the image down to the raw data, and what stands beside."""

from __future__ import annotations

from collections.abc import Iterator

from issuesum.console import printable
from issuesum.lineage.provenance import facts
from issuesum.lineage.provenance.model import Provenance
from issuesum.lineage.provenance.trace import Trace

_NAME = 22  # columns of the deepest branch


def text_of(trace: Trace) -> str:
    """Return the trace as lines; what came from elsewhere cannot move the cursor."""
    return "\n".join(printable(line).rstrip() for line in _lines(trace)) + "\n"


def _lines(trace: Trace) -> Iterator[str]:
    known = trace.provenance
    if trace.image:
        yield f"{known.image or facts.UNKNOWN}"
        yield f"{trace.image.reference}"
        yield ""
    yield from _tree(trace)
    yield ""
    yield from _commit(known)
    yield from _patch(known)
    yield from _params(known)
    yield from _metrics(known)
    tools = known.tools
    told = ", ".join(f"{name} {version}" for name, version in tools.items()) if tools else None
    yield f"tools     {told or facts.UNKNOWN}"
    for line in trace.image.disagreements if trace.image else ():
        yield f"warning   {line}"


def _tree(trace: Trace) -> Iterator[str]:
    found = facts.facts_of(trace)
    measures = max((len(fact.measure) for fact in found), default=0)
    makings = max((len(fact.making) for fact in found), default=0)
    for depth, fact in enumerate(found):
        branch = f"{'   ' * (depth - 1)}└─ " if depth else ""
        name = f"{branch}{facts.TITLES.get(fact.name, fact.name)}"
        yield (
            f"{name:{_NAME}s} {fact.short:12s}  {fact.measure:{measures}s}  "
            f"{fact.making:{makings}s}  {fact.when:20s}  {fact.who}"
        )


def _commit(known: Provenance) -> Iterator[str]:
    yield f"commit    {known.commit or facts.UNKNOWN}"
    yield f"          {known.message or 'message unknown'}"
    by = (known.author or "author unknown", known.committed, known.source)
    yield f"          {', '.join(part for part in by if part)}"
    remote = known.remote
    yield f"remote    {(remote and remote.url) or facts.UNKNOWN}"


def _patch(known: Provenance) -> Iterator[str]:
    files = facts.dirty_files(known)
    if files is None:
        yield f"patch     {facts.UNKNOWN}"
    elif not files:
        yield "patch     none: the tree was clean"
    for place, path in enumerate(files or ()):
        yield f"{'' if place else 'patch':9s} {path}"


def _params(known: Provenance) -> Iterator[str]:
    changed = known.changed_params
    if changed is None:
        yield f"params    {facts.UNKNOWN} which differ from the defaults"
    elif not changed:
        yield "params    all as by default"
    for place, (name, values) in enumerate((changed or {}).items()):
        yield f"{'' if place else 'params':9s} {name}: {facts.change(values)}"


def _metrics(known: Provenance) -> Iterator[str]:
    metrics = known.metrics
    if not metrics:
        yield f"metrics   {facts.UNKNOWN}"
        return
    head = "".join(f"{name:>9s}" for name in facts.SCORES.values())
    yield f"metrics   {'':26s}{head}"
    for title, numbers in facts.score_lines(metrics):
        yield f"          {title:26s}" + "".join(f"{number:>9s}" for number in numbers)
    yield f"gate      {facts.gate(metrics)}"
