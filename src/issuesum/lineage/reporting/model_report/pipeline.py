"""The pipeline as SVG for any colour scheme: one line a stage, arcs for what skips some."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from html import escape

from issuesum.lineage.reporting.model_report.graph import Graph

_WIDTH, _HEIGHT, _GAP = 250, 34, 18
_ARC = 26  # units that an arc goes out for every stage that it skips
_LONGEST = 28  # letters of a name that fit


def draw(graph: Graph, marked: AbstractSet[str], notes: Mapping[str, str]) -> str:
    """Draw the stages from above to below.

    Args:
        graph: of the pipeline.
        marked: nodes with a thick border.
        notes: a few words at the right end of a node.
    """
    places = {name: number for number, name in enumerate(graph.nodes)}
    pitch = _HEIGHT + _GAP
    skips = [places[b] - places[a] for a, b in graph.edges]
    width = _WIDTH + 8 + _ARC * max([0, *(skip - 1 for skip in skips)]) * 3 // 4 + 12
    height = pitch * len(places) - _GAP + 4
    parts = [_edge(places[a], places[b], pitch) for a, b in graph.edges]
    parts += [
        _node(name, place * pitch + 2, name in marked, notes.get(name, ""))
        for name, place in places.items()
    ]
    label = "; ".join(f"{a} leads to {b}" for a, b in graph.edges)
    return (
        f'<svg class="pipeline" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(label)}">\n<defs><marker id="tip" viewBox="0 0 8 8" refX="7" '
        'refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" '
        'fill="currentColor"/></marker></defs>\n' + "\n".join(parts) + "\n</svg>"
    )


def _edge(start: int, end: int, pitch: int) -> str:
    style = 'fill="none" stroke="currentColor" stroke-width="1.2" marker-end="url(#tip)"'
    if end - start == 1:
        top = start * pitch + 2 + _HEIGHT
        return f'<path d="M{_WIDTH / 2} {top}V{top + _GAP - 1}" {style}/>'
    above, below = (place * pitch + 2 + _HEIGHT / 2 for place in (start, end))
    out = _WIDTH + 6 + _ARC * (end - start - 1)
    curve = (
        f"M{_WIDTH + 2} {above + 6}C{out} {above + 6} {out} {below - 6} {_WIDTH + 3} {below - 6}"
    )
    return f'<path d="{curve}" {style}/>'


def _node(name: str, top: int, marked: bool, note: str) -> str:
    shown = name if len(name) <= _LONGEST else "…" + name[1 - _LONGEST :]
    middle = top + _HEIGHT / 2 + 4.5
    return (
        f'<g class="{"changed" if marked else "same"}"><title>{escape(name)}</title>'
        f'<rect x="2" y="{top}" width="{_WIDTH - 2}" height="{_HEIGHT}" rx="6"/>'
        f'<text x="14" y="{middle}">{escape(shown)}</text>'
        f'<text class="note" x="{_WIDTH - 12}" y="{middle}">{escape(note)}</text></g>'
    )
