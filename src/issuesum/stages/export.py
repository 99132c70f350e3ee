"""Build the image from the bundle, check it and push it under the tag of its lineage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from issuesum.errors import ArtifactError, EngineError, GateError
from issuesum.image.build import build_image
from issuesum.image.engine import engine
from issuesum.image.receipt import Receipt
from issuesum.image.registry import digest_of, push
from issuesum.image.smoke import smoke_test
from issuesum.lineage import provenance
from issuesum.lineage.tag import version_of
from issuesum.params import Params
from issuesum.stages.paths import BUNDLE, METRICS
from issuesum.stages.runner import run

ROOT = Path()


def main(params: Params) -> None:
    """Read serving/bundle and eval/metrics.json, push an image, write serving/image.json.

    A tag that the registry holds already is not built again and never moved.
    """
    metrics = _passed()
    made_from = version_of(ROOT, BUNDLE)
    image = f"{params.export.address}/{params.export.image}:{made_from.tag}"
    with engine() as client:
        digest = digest_of(client, image)
        if digest:
            print(f"export: the registry holds {image} already")
        else:
            origin = provenance.collect(
                ROOT,
                image=image,
                made_from=made_from,
                params=params.model_dump(),
                metrics=metrics,
            )
            build_image(
                client,
                BUNDLE,
                origin,
                image=image,
                labels=provenance.labels(origin),
                base_image=params.export.base_image,
            )
            try:
                title = smoke_test(client, image, timeout=params.export.smoke_timeout)
            except EngineError:
                client.images.remove(image)  # a broken image must not bear a name that looks good
                raise
            print(f"export: the container's first title: {title}")
            digest = push(client, image)
            print(f"export: pushed {image}")
    Receipt(image=image, digest=digest, git=made_from.git, dvc=made_from.dvc).save()


def _passed() -> dict[str, Any]:
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


if __name__ == "__main__":
    run("export", main)
