"""The attestations that a registry holds of an image: made, signed, attached, and read again."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securesystemslib.dsse import Envelope
from securesystemslib.signer import Signer

from issuesum.errors import one_line
from issuesum.files import replacing_directory
from issuesum.lineage.provenance.model import FORMAT, Exported, Provenance
from issuesum.registry.client import Artifact, Registry, refusal
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation import statement
from issuesum.shipping.attestation.sbom import Distribution, make_sbom
from issuesum.shipping.attestation.statement import CYCLONEDX, IN_TOTO, SLSA

ENVELOPE = "application/vnd.dsse.envelope.v1+json"
SBOM = "application/vnd.cyclonedx+json"
_FILES = {SLSA: "slsa.json", SBOM: "sbom.json", CYCLONEDX: "sbom.dsse.json"}


@dataclass(frozen=True)
class Attached:
    """An artifact whose subject is an image."""

    digest: str  # of its manifest
    kind: str  # SLSA or CYCLONEDX for such a statement, SBOM for a bare one; else the media type
    content: bytes
    value: dict[str, Any]  # JSON of the statement or the SBOM, in whatever form it was attached
    envelope: Envelope | None = None
    wrong: str | None = None  # why it cannot be read

    def is_about(self, image: Reference) -> bool:
        """Return whether the image is the one and only subject of the statement."""
        try:
            (subject,) = self.value["subject"]
            return bool(subject["digest"] == statement.digest_set(image))
        except (KeyError, TypeError, ValueError):
            return False


def attached(registry: Registry, image: Reference) -> list[Attached]:
    """Return the provenance and the SBOMs of an image, which has a digest; no other artifacts.

    Signed ones come first, then by digest: the same order everywhere. Annotations are not trusted.
    """
    found = []
    for descriptor in registry.referrers(image):
        digest, media_type = descriptor.get("digest"), descriptor.get("artifactType")
        if media_type in (IN_TOTO, ENVELOPE, SBOM):
            if not isinstance(digest, str):
                raise refusal(str(image), "a list of referrers in which one has no digest")
            found.append(_read(registry, image, digest, media_type))
    ours = (one for one in found if one.kind in _FILES or one.wrong)
    return sorted(ours, key=lambda one: (one.envelope is None, one.digest))


def _read(registry: Registry, image: Reference, digest: str, media_type: str) -> Attached:
    _, manifest = registry.manifest(image.at(digest))
    content, envelope = b"", None
    try:
        (layer,) = manifest["layers"]
        content = registry.blob(image, layer["digest"])
        if media_type == ENVELOPE:
            envelope = statement.opened(content)
        value = json.loads(envelope.payload if envelope else content)
        if not isinstance(value, dict):
            raise TypeError("no JSON object")
        if media_type != SBOM and value["_type"] != statement.STATEMENT:
            raise ValueError(f"a statement of type {value['_type']!r}")
        kind = SBOM if media_type == SBOM else str(value["predicateType"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        wrong = f"{type(error).__name__}: {one_line(error)}"
        return Attached(digest, media_type, content, {}, envelope, wrong)
    return Attached(digest, kind, content, value, envelope)


def as_attested[P: Provenance](image: Reference, provenance: P) -> P:
    """Return a provenance with what only its attestation, if any, says: the runs that led there."""
    if (provenance.format or 0) < FORMAT:
        return provenance
    for one in attached(Registry(image.host), image):
        if one.kind == SLSA and one.is_about(image):
            with suppress(KeyError, TypeError, AttributeError):
                return statement.with_runs(provenance, one.value)
    return provenance


def attest(
    registry: Registry,
    image: Reference,
    provenance: Exported,
    distributions: Callable[[], Sequence[Distribution]],
    *,
    folder: Path,
    key: Signer | None,
    requirements: str = "",
    metadata: dict[str, Any] | None = None,
) -> None:
    """Attach provenance and SBOM to an image, which has a digest, and copy them to a folder.

    An image whose provenance is attached already gets nothing more, whatever the key: what others
    have attached is not ours to sign. So the folder is the same on every machine: it is replaced,
    and gets slsa.json, sbom.json and, where there was a key to sign with, sbom.dsse.json.

    `provenance` is the image's own; `distributions` is called only if what is installed there is
    needed; `requirements` is what pip installed it from, with hashes; `metadata` is of its making.
    """
    found = attached(registry, image)
    if not any(one.kind == SLSA and one.is_about(image) for one in found):
        dated = {"org.opencontainers.image.created": provenance.created}
        sbom = make_sbom(image, provenance, distributions(), requirements=requirements)
        # SLSA's is the last, because its presence means that all are there.
        statements = [statement.sbom_statement(image, sbom)] if key else []
        statements.append(statement.slsa_statement(image, provenance, metadata))
        artifacts = [Artifact(sbom, SBOM, dated)]
        for each in statements:
            content, kind = statement.serialised(each), IN_TOTO
            if key:
                content, kind = statement.sealed(content, key), ENVELOPE
            # As BuildKit and Cosign do, to distinguish statements without reading them.
            named = {**dated, "in-toto.io/predicate-type": each["predicateType"]}
            artifacts.append(Artifact(content, kind, named))
        registry.attach(image, *artifacts)
        found = attached(registry, image)
    with replacing_directory(folder) as temporary:
        for one in reversed(found):  # the first of a kind is the last to be written
            if one.kind in _FILES and (one.kind == SBOM or one.is_about(image)):
                (temporary / _FILES[one.kind]).write_bytes(one.content)
