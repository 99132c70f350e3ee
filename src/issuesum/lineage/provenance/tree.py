"""A trace for the terminal: from the image down to the raw data, and what stands beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from issuesum.console import printable
from issuesum.lineage.metrics import Metrics
from issuesum.lineage.provenance import facts
from issuesum.lineage.provenance.model import Provenance
from issuesum.lineage.provenance.trace import Trace

_NAME = 22  # columns of the deepest branch


def text_of(trace: Trace, methods: Mapping[str, str], metrics: Mapping[str, str]) -> str:
    """Return the trace as lines; what came from elsewhere cannot move the cursor.

    Args:
        trace: what is known.
        methods: titles of what is scored, by name in eval/metrics.json.
        metrics: titles of the scores, likewise.
    """
    lines = _lines(trace, methods, metrics)
    return "\n".join(printable(line).rstrip() for line in lines) + "\n"


def _lines(trace: Trace, methods: Mapping[str, str], metrics: Mapping[str, str]) -> Iterator[str]:
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
    yield from _metrics(known, methods, metrics)
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


def _metrics(
    known: Provenance, methods: Mapping[str, str], metrics: Mapping[str, str]
) -> Iterator[str]:
    if not known.metrics:
        yield f"metrics   {facts.UNKNOWN}"
        return
    found = Metrics.read(known.metrics)
    wide = max(map(len, methods.values())) + 1
    yield f"metrics   {'':{wide}s}" + "".join(f"{title:>9s}" for title in metrics.values())
    for title, *numbers in found.table(methods, metrics):
        yield f"          {title:{wide}s}" + "".join(f"{number:>9s}" for number in numbers)
    yield f"gate      {found.gate or facts.UNKNOWN}"
