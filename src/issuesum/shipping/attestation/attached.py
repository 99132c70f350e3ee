"""The attestations that a registry holds of an image."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from securesystemslib.dsse import Envelope

from issuesum.registry.client import Registry
from issuesum.registry.reference import Reference
from issuesum.registry.refusals import refusal
from issuesum.shipping.attestation.envelope import IN_TOTO, opened
from issuesum.shipping.attestation.statement import CYCLONEDX, SLSA, STATEMENT

ENVELOPE = "application/vnd.dsse.envelope.v1+json"
BILL = "application/vnd.cyclonedx+json"
_OURS = (IN_TOTO, ENVELOPE, BILL)


@dataclass(frozen=True)
class Attached:
    """An artifact whose subject is an image.

    Attributes:
        digest: of its manifest.
        kind: SLSA or CYCLONEDX for a statement of that type, BILL for a bare bill of materials, or
            the media type where it cannot be read.
        content: as the registry holds it.
        value: the statement or the bill.
        envelope: that the statement is in, or None.
        wrong: why it cannot be read, or None.
    """

    digest: str
    kind: str
    content: bytes
    value: dict[str, Any]
    envelope: Envelope | None = None
    wrong: str | None = None

    def is_about(self, image: Reference) -> bool:
        """Tell whether the image is the one and only subject of the statement."""
        algorithm, _, digest = str(image.digest).partition(":")
        try:
            (subject,) = self.value["subject"]
            return bool(subject["digest"] == {algorithm: digest})
        except (KeyError, TypeError, ValueError):
            return False


def attached(registry: Registry, image: Reference) -> list[Attached]:
    """Return the provenance and the bills of materials of an image.

    Other artifacts, of a scanner say, are left out. What the annotations say is not relied on.

    Args:
        registry: that holds the image.
        image: with a digest.

    Returns:
        Signed ones first, then by digest: the same order everywhere.

    Raises:
        RegistryError: the registry is unreachable or refuses us.
    """
    found = []
    for descriptor in registry.referrers(image):
        if descriptor.get("artifactType") in _OURS:
            if not isinstance(descriptor.get("digest"), str):
                raise refusal(str(image), "a list of referrers in which one has no digest")
            one = _read(registry, image, descriptor)
            if one.kind in (SLSA, CYCLONEDX, BILL) or one.wrong:
                found.append(one)
    return sorted(found, key=lambda one: (one.envelope is None, one.digest))


def _read(registry: Registry, image: Reference, descriptor: dict[str, Any]) -> Attached:
    digest, media_type = str(descriptor["digest"]), str(descriptor["artifactType"])
    _, manifest = registry.manifest(image.at(digest))
    content, envelope = b"", None
    try:
        (layer,) = manifest["layers"]
        content = registry.blob(image, layer["digest"])
        if media_type == ENVELOPE:
            envelope = opened(content)
        value = json.loads(envelope.payload if envelope else content)
        if not isinstance(value, dict):
            raise TypeError("no JSON object")
        if media_type == BILL:
            kind = BILL
        elif value["_type"] == STATEMENT:
            kind = str(value["predicateType"])
        else:
            raise ValueError(f"a statement of type {value['_type']!r}")
    except (KeyError, TypeError, ValueError) as error:
        wrong = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return Attached(digest, media_type, content, {}, envelope, wrong)
    return Attached(digest, kind, content, value, envelope)
