"""The pipeline as a graph, from DVC's own index."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage


@dataclass(frozen=True)
class Graph:
    """Stages and data, every one behind what it depends on.

    Attributes:
        nodes: by name, the paths of the outputs.
        edges: pairs of names: from what is needed to what needs it.
    """

    nodes: Mapping[str, tuple[str, ...]]
    edges: tuple[tuple[str, str], ...]


def graph_of(repo: Repo) -> Graph:
    """Return the stages and tracked data of a repository, at the revision that it is open at."""
    needs = repo.index.graph
    names = {stage: _name(stage) for stage in needs}
    needed = {names[stage]: sorted(names[of] for of in needs[stage]) for stage in needs}
    order = TopologicalSorter(dict(sorted(needed.items()))).static_order()
    place = {name: number for number, name in enumerate(order)}
    outs = {
        names[stage]: tuple(
            repo.fs.relpath(out.fs_path, repo.root_dir).replace("\\", "/") for out in stage.outs
        )
        for stage in needs
    }
    edges = ((source, name) for name, sources in needed.items() for source in sources)
    return Graph(
        nodes={name: outs[name] for name in place},
        edges=tuple(sorted(edges, key=lambda edge: (place[edge[0]], place[edge[1]]))),
    )


def changed(graph: Graph, now: Mapping[str, str], before: Mapping[str, str]) -> set[str]:
    """Return the nodes an output of which has another hash than before."""
    return {
        name
        for name, outs in graph.nodes.items()
        if any(now.get(path) != before.get(path) for path in outs)
    }


def to_mermaid(graph: Graph, marked: set[str]) -> str:
    """Write a flow chart that Mermaid draws; marked nodes have a thick border and say so."""
    ids = {name: f"n{number}" for number, name in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    for name, key in ids.items():
        label = re.sub(r"[^\w ./-]", "_", name)  # nothing that Mermaid or Markdown reads
        lines.append(f'    {key}["{label}{" ●" if name in marked else ""}"]')
    lines += [f"    {ids[a]} --> {ids[b]}" for a, b in graph.edges]
    if marked:
        lines.append("    classDef changed stroke:#b8460e,stroke-width:3px")
        lines.append(f"    class {','.join(ids[name] for name in ids if name in marked)} changed")
    return "\n".join(lines)


def _name(stage: Stage) -> str:
    """Return the name of a stage, or the path of tracked data without `.dvc`."""
    return str(getattr(stage, "name", None) or stage.path_in_repo.removesuffix(".dvc"))
