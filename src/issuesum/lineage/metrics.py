"""eval/metrics.json: the scores of the model and of the baselines, and the gate's result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeGuard

from pydantic import BaseModel, ConfigDict

UNKNOWN = "unknown"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class GateResult(_Frozen):
    """Whether evaluate found the model good enough to be shipped.

    Attributes:
        passed: whether export may ship it.
        reasons: what falls short, with the numbers; empty if passed.
    """

    passed: bool
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return `passed`, or `failed: ` and the reasons."""
        reasons = "; ".join(self.reasons)
        return ("passed" if self.passed else "failed") + (f": {reasons}" if reasons else "")


class Metrics(_Frozen):
    """What evaluate wrote; what an older or a broken file lacks is None or absent.

    Attributes:
        test_rows: issues of the test split that were scored.
        scores: by method (`model` or a baseline), then by metric.
        gate: None if the file holds no result.
    """

    test_rows: int | None = None
    scores: Mapping[str, Mapping[str, float]] = {}
    gate: GateResult | None = None

    @classmethod
    def parse(cls, text: str | None) -> Metrics:
        """Return what the text of the file says; nothing is known if it is None or no JSON."""
        try:
            return cls.read(json.loads(text or ""))
        except ValueError:
            return cls()

    @classmethod
    def read(cls, content: object) -> Metrics:
        """Return what parsed JSON says, of the file itself or of an image's provenance."""
        values = content if isinstance(content, Mapping) else {}
        rows = values.get("test_rows")
        return cls(
            test_rows=int(rows) if _is_number(rows) else None,
            scores={
                method: {key: float(score) for key, score in scores.items() if _is_number(score)}
                for method, scores in values.items()
                if method != "gate" and isinstance(scores, Mapping)
            },
            gate=_gate(values.get("gate")),
        )

    def content(self) -> dict[str, Any]:
        """Return the JSON content of the file."""
        gate = {"gate": self.gate.model_dump()} if self.gate else {}
        return {"test_rows": self.test_rows, **self.scores, **gate}

    def table(self, methods: Mapping[str, str], metrics: Mapping[str, str]) -> list[list[str]]:
        """Return a row for each method that has scores: its title, and each score or `unknown`.

        Args:
            methods: titles by method, in the order of the rows.
            metrics: titles by metric, in the order of the columns.
        """
        return [
            [title, *(f"{own[key]:.2f}" if key in own else UNKNOWN for key in metrics)]
            for method, title in methods.items()
            if (own := self.scores.get(method)) is not None
        ]


def _gate(entry: object) -> GateResult | None:
    if not isinstance(entry, Mapping) or "reasons" not in entry:
        return None
    if not isinstance(entry.get("passed"), bool):
        return None
    return GateResult(passed=entry["passed"], reasons=tuple(map(str, entry.get("reasons") or ())))


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
