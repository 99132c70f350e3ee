"""Build the image from the bundle, check it and push it under the tag of its lineage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from issuesum.layout import ATTESTATIONS, BUNDLE
from issuesum.lineage.provenance.collect import collect
from issuesum.lineage.receipt import Receipt
from issuesum.registry.client import Registry
from issuesum.shipping.gate import Judged, check_gate, check_regression
from issuesum.shipping.image.ship import Target
from issuesum.stages.live import rouge_l
from issuesum.stages.params import ExportParams, Params, defaults
from issuesum.stages.runner import run

ROOT = Path()


def main(params: Params) -> None:
    """Read serving/bundle and eval/metrics.json; push an image, attest it, leave a receipt.

    A tag that the registry holds already is not built again and never moved.
    """
    from issuesum.shipping.attestation.attachments import attest_exported
    from issuesum.shipping.attestation.signing import signing_key

    key = signing_key()  # first: a key that cannot be used is reported before anything is pushed
    metrics = check_gate()
    target = target_of(params.export)
    registry = Registry(target.image.host)
    digest = target.pushed_digest(registry)
    if digest:
        print(f"export: the registry holds {target.image} already")
    digest = digest or _ship(registry, target, params, metrics)
    attest_exported(registry, target.image.at(digest), bundle=BUNDLE, folder=ATTESTATIONS, key=key)
    Receipt(str(target.image), digest, git=target.version.git, dvc=target.version.dvc).save()


def target_of(params: ExportParams) -> Target:
    """Return the image that this working tree makes."""
    return Target.of(ROOT, BUNDLE, f"{params.address}/{params.image}")


def _ship(registry: Registry, target: Target, params: Params, metrics: dict[str, Any]) -> str:
    from issuesum.shipping.image.engine import engine
    from issuesum.shipping.image.ship import ship

    image, version = str(target.image), target.version
    check_regression(
        Judged(image, metrics["model"]["rouge_l"]), ROOT, made_from=version,
        rows=metrics["test_rows"], max_regression=params.evaluate.gate.max_regression,
        score=lambda model, name: rouge_l(model, name, params.evaluate), note=print,
    )  # fmt: skip
    origin = collect(
        ROOT,
        image=image,
        made_from=version,
        params=params.model_dump(),
        defaults=defaults(),
        metrics=metrics,
    )
    with engine() as client:
        digest, title = ship(
            client, registry, target, origin.to_json(),
            bundle=BUNDLE, base_image=params.export.base_image,
            timeout=params.export.smoke_timeout, patience=params.export.push_patience,
        )  # fmt: skip
    if title is None:
        print(f"export: another export pushed {image} meanwhile")
    else:
        print(f"export: the container's first title: {title}\nexport: pushed {image}")
    return digest


if __name__ == "__main__":
    run("export", main)
