"""What benchmarks said, kept from one run of the suite to the next."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from figures import Ratio
from issuesum.files import write_json


@dataclass(frozen=True)
class Result:
    """A run of one benchmark.

    Attributes:
        command: as a person would type it, with the name of a file in place of its path.
        input: which issues, and how many.
        quick: whether it was given less to do than by default.
        date: on which it began, ISO 8601, UTC.
        commit: 12 digits, and `-dirty` if what was measured differed from it.
        machine: facts by name.
        seconds: from start to end.
        ratios: the figures that mean something on any machine.
        output: what it printed.
        failure: why it has no figures, on one line, or None.
    """

    command: str
    input: str
    quick: bool
    date: str
    commit: str
    machine: dict[str, str]
    seconds: float
    ratios: list[Ratio]
    output: str
    failure: str | None = None


def load(path: Path) -> dict[str, Result]:
    """Return results by the benchmark's name; none if there is no such file."""
    if not path.exists():
        return {}
    entries: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: Result(**{**entry, "ratios": [Ratio(**of) for of in entry["ratios"]]})
        for name, entry in entries.items()
    }


def save(results: dict[str, Result], path: Path) -> None:
    """Write results, sorted by name, in place of what `path` holds."""
    write_json(path, {name: asdict(results[name]) for name in sorted(results)})
