"""Build the image from the bundle, check it and push it under the tag of its lineage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from issuesum.errors import ArtifactError, GateError
from issuesum.image.claim import held
from issuesum.image.receipt import Receipt
from issuesum.image.target import Target
from issuesum.lineage import provenance
from issuesum.params import ExportParams, Params
from issuesum.registry.client import Registry
from issuesum.stages.paths import BUNDLE, METRICS
from issuesum.stages.runner import run

ROOT = Path()


def main(params: Params) -> None:
    """Read serving/bundle and eval/metrics.json, push an image, write serving/image.json.

    A tag that the registry holds already is not built again and never moved.
    """
    metrics = check_gate()
    target = target_of(params.export)
    registry = Registry(target.image.host)
    digest = held(registry, target.image, target.lineage)
    if digest:
        print(f"export: the registry holds {target.image} already")
    else:
        digest = _ship(registry, target, params, metrics)
    version = target.version
    Receipt(str(target.image), digest, git=version.git, dvc=version.dvc).save()


def target_of(params: ExportParams) -> Target:
    """Return the image that this working tree makes."""
    return Target.of(ROOT, BUNDLE, f"{params.address}/{params.image}")


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
        raise GateError(
            f"The model must pass the gate. Received: {reasons}. "
            "Try: more or better data, other train params, or another evaluate.gate."
        )
    return metrics


def _ship(registry: Registry, target: Target, params: Params, metrics: dict[str, Any]) -> str:
    from issuesum.image.engine import engine
    from issuesum.image.shipping import Order, ship

    origin = provenance.collect(
        ROOT, image=str(target.image), made_from=target.version, params=params.model_dump(),
        metrics=metrics,
    )  # fmt: skip
    labels, base = provenance.labels(origin), params.export.base_image
    order = Order(target.image, target.lineage, BUNDLE, origin, labels, base)
    with engine() as client:
        shipped = ship(
            client, registry, order,
            timeout=params.export.smoke_timeout, patience=params.export.push_patience,
        )  # fmt: skip
    if shipped.title is None:
        print(f"export: another export pushed {target.image} meanwhile")
    else:
        print(f"export: the container's first title: {shipped.title}")
        print(f"export: pushed {target.image}")
    return shipped.digest


if __name__ == "__main__":
    run("export", main)
