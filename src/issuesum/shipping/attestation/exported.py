"""What the export stage attests of the image that it has pushed, or has found in the registry."""

from __future__ import annotations

from pathlib import Path

from securesystemslib.signer import Signer

from issuesum.lineage.provenance.model import FILE, Exported
from issuesum.registry.client import Registry
from issuesum.registry.image import read_file, read_image
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.distributions import Distribution, installed
from issuesum.shipping.attestation.storing import attest


def attest_exported(
    registry: Registry, image: Reference, *, bundle: Path, folder: Path, key: Signer | None
) -> None:
    """Attest an image from its own provenance; Docker Engine is asked only if that is not done yet.

    Args:
        registry: that holds the image.
        image: with a digest.
        bundle: what the image was built from; its requirements.txt gives hashes.
        folder: see `attest`.
        key: see `attest`.

    Raises:
        ArtifactError: the image holds no provenance.
        EngineError: no engine answers, or it cannot run the image.
        RegistryError: the registry is unreachable or refuses us.
    """

    def distributions() -> list[Distribution]:
        from issuesum.shipping.image.engine import engine
        from issuesum.shipping.image.transfer import fetch

        with engine() as client:
            fetch(client, str(image))
            return installed(client, str(image))

    content = read_file(registry, read_image(registry, image), FILE)
    attest(
        registry,
        image,
        Exported.parse(content, str(image)),
        distributions,
        folder=folder,
        key=key,
        requirements=(bundle / "requirements.txt").read_text(encoding="utf-8"),
    )
