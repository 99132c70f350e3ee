"""Part of export: the verdict that evaluate left in eval/metrics.json."""

from __future__ import annotations

import json
from typing import Any

from issuesum.errors import ArtifactError, GateError
from issuesum.layout import METRICS
from issuesum.lineage.runs.record import REFUSAL


def check_gate() -> dict[str, Any]:
    """Return eval/metrics.json if nothing in it keeps the model from being shipped.

    Raises:
        ArtifactError: there is no verdict.
        GateError: it is a refusal.
    """
    try:
        metrics: dict[str, Any] = json.loads(METRICS.read_text(encoding="utf-8"))
        passed, reasons = metrics["gate"]["passed"], "; ".join(metrics["gate"]["reasons"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{METRICS} must hold the gate's verdict. Received: {type(error).__name__}. "
            "Try: dvc repro evaluate."
        ) from error
    if not passed:
        raise refused(reasons)
    return metrics


def refused(reasons: str) -> GateError:
    """Return the error that says why a model is not shipped."""
    return GateError(
        f"{REFUSAL} Received: {reasons}. "
        "Try: more or better data, other train params, or another evaluate.gate."
    )
