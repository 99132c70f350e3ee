"""The bill of materials of an image, as CycloneDX 1.6."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    XsUri,
)
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from issuesum.lineage.provenance.model import Exported
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.distributions import Distribution

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)((?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def bill_of_materials(
    image: Reference,
    provenance: Exported,
    distributions: Sequence[Distribution],
    *,
    requirements: str = "",
) -> bytes:
    """Return what an image holds. Equal arguments give equal bytes.

    Args:
        image: with a digest.
        provenance: /app/provenance.json of the image.
        distributions: what is installed there.
        requirements: what pip installed from, whose hashes are those of the files that it accepts.
    """
    digest = str(image.digest).partition(":")[2]
    root = Component(
        name=image.repository,
        version=str(image.digest),
        type=ComponentType.CONTAINER,
        bom_ref=str(image.digest),
        purl=PackageURL(
            "oci",
            name=image.name.rpartition("/")[2],
            version=image.digest,
            qualifiers={
                "repository_url": image.repository,
                "tag": f"{provenance.git}-{provenance.dvc}",
            },
        ),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )
    accepted = _accepted(requirements)
    components = [_component(one, accepted) for one in distributions]
    bill = Bom(
        # The same image has the same bill, so the number is no random one.
        serial_number=uuid5(NAMESPACE_URL, f"{image.repository}@{image.digest}"),
        metadata=BomMetaData(
            component=root,
            timestamp=datetime.fromisoformat(provenance.created).astimezone(UTC),
        ),
        components=components,
    )
    bill.register_dependency(root, components)
    return JsonV1Dot6(bill).output_as_string(indent=1).encode()


def _component(one: Distribution, accepted: dict[tuple[str, str], list[str]]) -> Component:
    purl = PackageURL("pypi", name=_normal(one.name), version=one.version)
    hashes = accepted.get((_normal(one.name), one.version), [])
    return Component(
        name=one.name,
        version=one.version,
        type=ComponentType.LIBRARY,
        bom_ref=purl.to_string(),
        purl=purl,
        licenses=[LicenseFactory().make_from_string(one.licence)] if one.licence else [],
        # Of several files pip took one; which one it was, it does not tell. So the hashes are not
        # the component's, but those of the place where the files are.
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION,
                url=XsUri(purl.to_string()),
                comment="one of the files with these hashes, which pip was told to accept",
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=item) for item in hashes],
            )
        ]
        if hashes
        else [],
    )


def _accepted(requirements: str) -> dict[tuple[str, str], list[str]]:
    return {
        (_normal(name), version): _HASH.findall(rest)
        for name, version, rest in _PINNED.findall(requirements)
    }


def _normal(name: str) -> str:
    """Return a name as the index of packages writes it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
