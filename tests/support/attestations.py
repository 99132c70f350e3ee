"""A provenance, images that carry it, and keys."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import docker
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from issuesum.lineage.provenance.model import Exported
from issuesum.registry.client import MANIFEST, Registry
from issuesum.registry.labels import labels_of
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.sbom import Distribution
from stored_images import tar

DISTRIBUTIONS = (Distribution("Flask", "3.1.0", "BSD-3-Clause"), Distribution("numpy", "1.26.4"))


def provenance(image: str = "localhost:5000/titles", *, commit: str = "1" * 40) -> dict[str, Any]:
    """Return the provenance of an image under its own tag."""
    return {
        "format": 2,
        "image": f"{image}:{commit[:12]}-{'b' * 12}",
        "git": commit[:12],
        "dvc": "b" * 12,
        "commit": commit,
        "dirty": False,
        "source": "https://example.com/issuesum.git",
        "created": "2026-11-25T12:00:00+02:00",
        "hashes": {
            "raw": "a" * 32,
            "features": "f" * 32 + ".dir",
            "model": "d" * 32 + ".dir",
            "bundle": "b" * 32 + ".dir",
            "uv.lock": "0" * 64,
        },
        "params": {"export": {"base_image": "python:3.12-slim-bookworm"}, "train": {"epochs": 3}},
        "lock": "",
        "metrics": {},
        "tools": {"dvc": "3.60"},
        "patch": None,
        "remote": {"url": "s3://bucket/dvc", "endpointurl": None, "region": None},
        "requirements": "9" * 64,
        "artefacts": [
            {"name": "raw", "path": "data/raw/github_issues.csv", "stage": None},
            {"name": "model", "path": "models", "started": "2026-11-25T09:30:00+00:00"},
        ],
    }


def exported(**changes: Any) -> Exported:
    """Return `provenance` with changes, as it is read."""
    return Exported.model_validate({**provenance(), **changes})


def push(
    image: Reference, origin: dict[str, Any], *, labelled: dict[str, Any] | None = None
) -> Reference:
    """Push an image of nothing but its provenance, as quickly as without an engine.

    Args:
        image: with a tag.
        origin: becomes /app/provenance.json.
        labelled: what the labels say, if not the same.

    Returns:
        The image, pinned.
    """
    layer = tar({"app/provenance.json": _content(origin)})
    config = {
        "created": "2026-11-25T10:00:00Z",
        "config": {"Labels": all_labels(labelled or origin)},
    }
    registry = Registry(image.host)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": registry.put_blob(
            image, json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"
        ),
        "layers": [registry.put_blob(image, layer, "application/vnd.oci.image.layer.v1.tar")],
    }
    body = json.dumps(manifest).encode()
    registry._ask("PUT", image, f"manifests/{image.tag}", body, media_type=MANIFEST)
    return image.at(str(registry.digest(image)))


def build(engine: docker.DockerClient, image: Reference, origin: dict[str, Any], base: str) -> None:
    """Build an image of a base image and its provenance."""
    dockerfile = f"FROM {base}\nCOPY provenance.json /app/\n".encode()
    context = io.BytesIO(tar({"Dockerfile": dockerfile, "provenance.json": _content(origin)}))
    engine.images.build(
        fileobj=context, custom_context=True, tag=str(image), labels=all_labels(origin), rm=True
    )


def all_labels(origin: dict[str, Any]) -> dict[str, str]:
    """Return the labels of an image with that provenance."""
    return labels_of(_content(origin))


def _content(origin: dict[str, Any]) -> bytes:
    return json.dumps(origin, indent=2).encode()


def write_keys(folder: Path, name: str, *, passphrase: str | None = None) -> tuple[Path, Path]:
    """Write a private key and its public one."""
    key = Ed25519PrivateKey.generate()
    lock = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    private.chmod(0o600)
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public
