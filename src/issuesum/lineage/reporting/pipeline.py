"""The pipeline as a graph, as dvc.lock has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from markupsafe import Markup

from issuesum.layout import RAW, StageEntry, feeds
from issuesum.lineage.dvc import Lock
from issuesum.lineage.reporting import graph


@dataclass(frozen=True)
class Pipeline:
    """Raw data and stages, every one behind what it depends on."""

    nodes: Mapping[str, tuple[str, ...]]  # by name, the paths of the outputs
    edges: tuple[tuple[str, str], ...]  # from what is needed to what needs it

    @classmethod
    def of(cls, lock: Lock) -> Pipeline:
        """Return what dvc.lock records."""
        raw = RAW.as_posix()
        entries = [StageEntry(name, tuple(of.deps), ()) for name, of in lock.stages.items()]
        found = {raw: (raw,)} if any(feeds(raw, entry) for entry in entries) else {}
        nodes = {**found, **{name: tuple(of.outs) for name, of in lock.stages.items()}}
        return cls(
            nodes,
            tuple(
                (name, entry.name)
                for name, outs in nodes.items()
                for entry in entries
                if any(feeds(out, entry) for out in outs)
            ),
        )

    def changed(self, now: Mapping[str, str], before: Mapping[str, str]) -> frozenset[str]:
        """Return the nodes an output of which has another hash than before."""
        return frozenset(
            name
            for name, outs in self.nodes.items()
            if any(now.get(path) != before.get(path) for path in outs)
        )


def draw(of: Pipeline, changed: AbstractSet[str]) -> Markup:
    """Draw the nodes from top to bottom; those that changed are marked."""
    cards = [
        graph.Card(name, kind="step changed", note="changed") if name in changed
        else graph.Card(name)
        for name in of.nodes
    ]  # fmt: skip
    return graph.tall(cards, [(a, b, "") for a, b in of.edges], width=250)


def to_mermaid(of: Pipeline, changed: AbstractSet[str]) -> str:
    """Write a flow chart that Mermaid draws; changed nodes have a thick border and say so."""
    ids = {name: f"n{number}" for number, name in enumerate(of.nodes)}
    lines = ["flowchart LR"]
    for name, key in ids.items():
        label = re.sub(r"[^\w ./-]", "_", name)  # nothing that Mermaid or Markdown reads
        lines.append(f'    {key}["{label}{" ●" if name in changed else ""}"]')
    lines += [f"    {ids[a]} --> {ids[b]}" for a, b in of.edges]
    if marked := [key for name, key in ids.items() if name in changed]:
        lines.append("    classDef changed stroke:#b8460e,stroke-width:3px")
        lines.append(f"    class {','.join(marked)} changed")
    return "\n".join(lines)
