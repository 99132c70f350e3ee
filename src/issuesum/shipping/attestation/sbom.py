"""The SBOM of an image, as CycloneDX 1.6, of the Python distributions that its Python lists."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from issuesum.errors import EngineError
from issuesum.lineage.provenance.model import Exported
from issuesum.registry.reference import Reference
from issuesum.shipping.image.container import python_output
from issuesum.shipping.image.engine import engine

# Besides its own environment, the image's Python sees that of the base image: pip is there.
SCRIPT = """
import json, sys, sysconfig
from importlib.metadata import distributions
below = sysconfig.get_path("purelib", sysconfig.get_default_scheme(), {"base": sys.base_prefix})
found = []
for one in distributions(path=[*sys.path, below]):
    data = one.metadata
    licences = [item for item in data.get_all("Classifier") or () if item[:7] == "License"]
    found.append({
        "name": data["Name"], "version": one.version, "expression": data["License-Expression"],
        "text": data["License"], "classifiers": licences,
    })
print(json.dumps(found))
"""
"""What the image's Python (-I) is asked; `read_distributions` reads the answer."""
_LONGEST = 100  # characters; a longer field License is the text of a licence
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)((?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, order=True)
class Distribution:
    """An installed distribution, by its own metadata; one may declare no licence."""

    name: str
    version: str
    licence: str | None = None


def installed(image: str) -> list[Distribution]:
    """Return what registry/name@sha256:… lists in a container (EngineError: it cannot be run)."""
    with engine() as client:
        return read_distributions(python_output(client, image, SCRIPT))


def read_distributions(answer: bytes) -> list[Distribution]:
    """Return what SCRIPT printed, sorted, each once (EngineError: it is no such answer)."""
    try:
        items = json.loads(answer)
        listed = [Distribution(item["name"], item["version"], _licence(item)) for item in items]
        found = {(one.name.lower(), one.version): one for one in listed}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(
            f"The image's Python must list its distributions. Received: {answer[:200]!r}. "
            "Try: an image that the export stage made."
        ) from error
    return [found[key] for key in sorted(found)]


def make_sbom(
    image: Reference, provenance: Exported, listed: Sequence[Distribution], requirements: str = ""
) -> bytes:
    """Return what an image, with a digest, holds. Equal arguments give equal bytes.

    `requirements` is what pip installed from; its hashes are those of the files that pip accepts.
    """
    where = {"repository_url": image.repository, "tag": f"{provenance.git}-{provenance.dvc}"}
    purl = PackageURL("oci", None, image.name.rpartition("/")[2], image.digest, where)
    digest = str(image.digest)
    root = Component(
        name=image.repository, version=digest, type=ComponentType.CONTAINER, bom_ref=digest,
        purl=purl, hashes=_hashes([digest.partition(":")[2]]),
    )  # fmt: skip
    accepted: dict[tuple[str, str], list[str]] = {
        (canonicalize_name(name), version): _HASH.findall(rest)
        for name, version, rest in _PINNED.findall(requirements)
    }
    components = [_component(one, accepted) for one in listed]
    created = datetime.fromisoformat(provenance.created).astimezone(UTC)
    about = BomMetaData(component=root, timestamp=created)
    # The same image has the same SBOM, so the number is no random one.
    number = uuid5(NAMESPACE_URL, f"{image.repository}@{digest}")
    sbom = Bom(serial_number=number, metadata=about, components=components)
    sbom.register_dependency(root, components)
    return JsonV1Dot6(sbom).output_as_string(indent=1).encode()


def _component(one: Distribution, accepted: dict[tuple[str, str], list[str]]) -> Component:
    name = canonicalize_name(one.name)
    purl = PackageURL("pypi", name=name, version=one.version)
    # Of several files pip took one, and does not report which. So the hashes are not the
    # component's, but those of the place where the files are.
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION, url=XsUri(purl.to_string()),
        comment="one of the files with these hashes, which pip was told to accept",
        hashes=_hashes(accepted.get((name, one.version), [])),
    )  # fmt: skip
    return Component(
        name=one.name, version=one.version, type=ComponentType.LIBRARY, purl=purl,
        bom_ref=purl.to_string(), external_references=[files] if files.hashes else [],
        licenses=[LicenseFactory().make_from_string(one.licence)] if one.licence else [],
    )  # fmt: skip


def _hashes(digests: Sequence[str]) -> list[HashType]:
    return [HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in digests]


def _licence(item: dict[str, str | None]) -> str | None:
    if item["expression"]:
        return item["expression"]
    text = (item["text"] or "").strip()
    if text and text.upper() != "UNKNOWN" and "\n" not in text and len(text) <= _LONGEST:
        return text
    classifiers = item["classifiers"] or ()
    names = {name.rsplit(" :: ", 1)[-1] for name in classifiers} - {"OSI Approved"}
    return ", ".join(sorted(names)) or None
