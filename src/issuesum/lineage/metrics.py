"""eval/metrics.json: the scores of the model and of the baselines, and the gate's result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import batched, islice
from typing import Any

from pydantic import BaseModel

UNKNOWN = "unknown"
_NUMBERS = (int, float)


class GateResult(BaseModel, frozen=True):
    """Whether evaluate found the model good enough to be shipped."""

    passed: bool
    reasons: tuple[str, ...] = ()  # what falls short, with the numbers; empty if passed

    def __str__(self) -> str:
        """Return `passed`, or `failed: ` and the reasons."""
        reasons = "; ".join(self.reasons)
        return ("passed" if self.passed else "failed") + (f": {reasons}" if reasons else "")


class Metrics(BaseModel, frozen=True):
    """What evaluate wrote; what an older or a broken file lacks is None or absent."""

    test_rows: int | None = None
    scores: Mapping[str, Mapping[str, float]] = {}  # by method (`model` or a baseline), by metric
    gate: GateResult | None = None

    @classmethod
    def parse(cls, text: str | None) -> Metrics:
        """Read the text of the file; nothing is known if it is None or no JSON."""
        try:
            return cls.read(json.loads(text or ""))
        except ValueError:
            return cls()

    @classmethod
    def read(cls, content: object) -> Metrics:
        """Read parsed JSON, of the file itself or of an image's provenance."""
        values = content if isinstance(content, Mapping) else {}
        rows, gate = values.get("test_rows"), None
        match values.get("gate"):
            case {"passed": bool(passed), "reasons": reasons}:
                gate = GateResult(passed=passed, reasons=tuple(map(str, reasons or ())))
        return cls(
            test_rows=int(rows or 0) if type(rows) in _NUMBERS else None,
            scores={
                method: {key: of for key, of in scores.items() if type(of) in _NUMBERS}
                for method, scores in values.items()
                if method != "gate" and isinstance(scores, Mapping)
            },
            gate=gate,
        )

    def content(self) -> dict[str, Any]:
        """Return the JSON content of the file."""
        gate = {"gate": self.gate.model_dump()} if self.gate else {}
        return {"test_rows": self.test_rows, **self.scores, **gate}

    def known(self, metrics: Mapping[str, str]) -> dict[str, str]:
        """Return `metrics`, titles by key, without the last ones, if an older code had none."""
        scored = {key for of in self.scores.values() for key in of}
        places = (place for place, key in enumerate(metrics, start=1) if key in scored)
        return dict(islice(metrics.items(), max(places, default=0)))

    def table(self, methods: Mapping[str, str], metrics: Mapping[str, str]) -> list[list[str]]:
        """Return a row for each method that has scores: its title, and each score or `unknown`.

        `methods` and `metrics` are titles by key, in the order of rows and columns; there is no
        column for what is not `known`.
        """
        return [
            [title, *(f"{own[key]:.2f}" if key in own else UNKNOWN for key in self.known(metrics))]
            for method, title in methods.items()
            if (own := self.scores.get(method)) is not None
        ]

    def lines(
        self, methods: Mapping[str, str], metrics: Mapping[str, str], head: str = ""
    ) -> list[str]:
        """Return tables of at most four metrics each, in 80 columns, as lines under `head`."""
        wide, rows = max(map(len, [head, *methods.values()])) + 1, list[list[str]]()
        for part in batched(self.known(metrics).items(), 4):
            titles = dict(part)
            rows += [[head, *titles.values()], *self.table(methods, titles)]
        return [f"{first:{wide}s}" + "".join(f"{cell:>9s}" for cell in row) for first, *row in rows]
