"""Build the image from the bundle, check it and push it under the tag of its lineage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from issuesum.layout import ATTESTATIONS, BUNDLE
from issuesum.lineage.provenance.collect import collect
from issuesum.lineage.receipt import Receipt
from issuesum.registry.client import Registry
from issuesum.registry.labels import labels_of
from issuesum.shipping.image.claim import held
from issuesum.shipping.image.target import Target
from issuesum.stages.gate import check_gate, refused
from issuesum.stages.params import ExportParams, Params
from issuesum.stages.runner import run

ROOT = Path()


def main(params: Params) -> None:
    """Read serving/bundle and eval/metrics.json; push an image, attest it, leave a receipt.

    A tag that the registry holds already is not built again and never moved.
    """
    from issuesum.shipping.attestation.exported import attest_exported
    from issuesum.shipping.attestation.keys import signing_key

    key = signing_key()  # first: a key that cannot be used is told before anything is pushed
    metrics = check_gate()
    target = target_of(params.export)
    registry = Registry(target.image.host)
    digest = held(registry, target.image, target.lineage)
    if digest:
        print(f"export: the registry holds {target.image} already")
    else:
        digest = _ship(registry, target, params, metrics)
    attest_exported(registry, target.image.at(digest), bundle=BUNDLE, folder=ATTESTATIONS, key=key)
    version = target.version
    Receipt(str(target.image), digest, git=version.git, dvc=version.dvc).save()


def target_of(params: ExportParams) -> Target:
    """Return the image that this working tree makes."""
    return Target.of(ROOT, BUNDLE, f"{params.address}/{params.image}")


def _ship(registry: Registry, target: Target, params: Params, metrics: dict[str, Any]) -> str:
    from issuesum.shipping.image.engine import engine
    from issuesum.shipping.image.shipping import Order, ship
    from issuesum.stages.regression import check_regression

    if reasons := check_regression(params, metrics, ROOT, made_from=target.version):
        raise refused("; ".join(reasons))

    origin = collect(
        ROOT, image=str(target.image), made_from=target.version, params=params.model_dump(),
        metrics=metrics,
    )  # fmt: skip
    content = origin.to_json()
    labels, base = labels_of(content), params.export.base_image
    order = Order(target.image, target.lineage, BUNDLE, content, labels, base)
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
