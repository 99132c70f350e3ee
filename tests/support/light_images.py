"""An image that holds a provenance and nothing to run, made and pushed in a second."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import docker
import yaml

from issuesum.layout import RECEIPT
from issuesum.lineage import git
from issuesum.lineage.dvc import hash_of
from issuesum.lineage.provenance.collect import collect
from issuesum.lineage.provenance.model import Exported
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.tag import Version, dirty_patch
from issuesum.registry.client import Registry
from issuesum.registry.labels import labels_of
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.attachments import attest
from stored_images import tar


def push_light(
    client: docker.DockerClient, root: Path, repository: str, **changes: object
) -> tuple[str, dict]:
    """Push what export would make of a project, but for code and model, and write the receipt.

    Returns:
        registry/name:tag, and the provenance with `changes`.
    """
    patch = dirty_patch(root)
    version = Version(git.head(root), bool(patch), hash_of(root / "serving/bundle", root))
    image = f"{repository}:{version.tag}"
    content = collect(
        root,
        image=image,
        made_from=version,
        patch=patch,
        params=yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8")),
        defaults={},
        metrics=json.loads((root / "eval/metrics.json").read_text(encoding="utf-8")),
    )
    digest = hashlib.sha256(patch).hexdigest()
    encoded = {"sha256": digest, "base64": base64.b64encode(patch).decode()}
    values = json.loads(content.to_json())
    values |= {"patch": encoded if patch else None, **changes}
    data = json.dumps(values, indent=2).encode()
    packed = tar({"app/provenance.json": data})
    labels = [f"LABEL {name}={json.dumps(value)}" for name, value in labels_of(data).items()]
    client.api.import_image_from_data(
        packed, repository=repository, tag=version.tag, changes=labels
    )
    try:
        for answer in client.images.push(repository, tag=version.tag, stream=True, decode=True):
            assert "error" not in answer, answer
    finally:
        client.images.remove(image)
    reference = Reference.parse(image)
    registry = Registry(reference.host)
    digest = str(registry.digest(reference))
    attest(
        registry, reference.at(digest), Exported.parse(data, image), list,
        folder=root / "serving/attestations", key=None,
    )  # fmt: skip
    Receipt(image, digest, version.git, version.dvc).save(root / RECEIPT)
    return image, values
