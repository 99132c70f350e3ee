"""Attestations into the registry, beside their image, and into a folder of the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from securesystemslib.signer import Signer

from issuesum.files import replacing_directory
from issuesum.lineage.provenance.model import Exported
from issuesum.registry.client import Registry
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.attached import BILL, ENVELOPE, Attached, attached
from issuesum.shipping.attestation.bill import bill_of_materials
from issuesum.shipping.attestation.distributions import Distribution
from issuesum.shipping.attestation.envelope import IN_TOTO, sealed
from issuesum.shipping.attestation.statement import CYCLONEDX, SLSA, contents, serialised, slsa

_FILES = {SLSA: "slsa.json", BILL: "sbom.json", CYCLONEDX: "sbom.dsse.json"}


def attest(
    registry: Registry,
    image: Reference,
    provenance: Exported,
    distributions: Callable[[], Sequence[Distribution]],
    *,
    folder: Path,
    key: Signer | None,
    requirements: str = "",
) -> None:
    """Attach provenance and bill of materials to an image, and copy what is attached to a folder.

    An image whose provenance is attached already gets nothing more, whatever the key: what others
    have attached is not ours to sign. So the folder is the same on every machine.

    Args:
        registry: that holds the image.
        image: with a digest.
        provenance: /app/provenance.json of that very image.
        distributions: asked what is installed in the image, if that is needed.
        folder: replaced; gets slsa.json, sbom.json and, where there was a key, sbom.dsse.json.
        key: signs; None leaves the statements unsigned.
        requirements: what pip installed the image's distributions from, with hashes.

    Raises:
        RegistryError: the registry is unreachable or refuses us.
    """
    held = attached(registry, image)
    if not any(one.kind == SLSA and one.is_about(image) for one in held):
        bill = bill_of_materials(image, provenance, distributions(), requirements=requirements)
        made = _Attaching(registry, image, provenance)
        made.attach(bill, BILL)
        if key:
            made.attach(sealed(serialised(contents(image, bill)), key), ENVELOPE, CYCLONEDX)
        # Last, because its presence says that all are there.
        statement = serialised(slsa(image, provenance))
        made.attach(
            sealed(statement, key) if key else statement, ENVELOPE if key else IN_TOTO, SLSA
        )
        held = attached(registry, image)
    _write(held, image, folder)


class _Attaching:
    """The registry, and what annotations say of each artifact."""

    def __init__(self, registry: Registry, image: Reference, provenance: Exported) -> None:
        self._registry = registry
        self._image = image
        self._created = str(provenance.created)

    def attach(self, content: bytes, media_type: str, predicate: str | None = None) -> None:
        annotations = {"org.opencontainers.image.created": self._created}
        if predicate:  # BuildKit's and Cosign's way to tell statements apart without reading them
            annotations["in-toto.io/predicate-type"] = predicate
        self._registry.attach(self._image, content, media_type=media_type, annotations=annotations)


def _write(held: list[Attached], image: Reference, folder: Path) -> None:
    chosen: dict[str, bytes] = {}
    for one in held:
        if one.kind in _FILES and (one.kind == BILL or one.is_about(image)):
            chosen.setdefault(_FILES[one.kind], one.content)
    with replacing_directory(folder) as temporary:
        for name, content in chosen.items():
            (temporary / name).write_bytes(content)
