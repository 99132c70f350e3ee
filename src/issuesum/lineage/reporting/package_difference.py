"""The packages of two images: by their SBOMs, else by what their commits require."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from issuesum.layout import REQUIREMENTS
from issuesum.lineage.git import file_at
from issuesum.lineage.provenance.lookup import Found
from issuesum.lineage.provenance.params_diff import Change, params_diff
from issuesum.registry.client import Registry

SBOM = "application/vnd.cyclonedx+json"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_PACKAGES = ("library", "framework", "application")


@dataclass(frozen=True)
class PackageDifference:
    """What is known by the best source that both images have; None is unknown."""

    by: str | None  # sbom, requirements or hash
    same: bool | None
    changed: dict[str, Change]  # versions by name


def compare_packages(old: Found, new: Found, root: Path) -> PackageDifference:
    """Compare by SBOMs, by serving/requirements.txt of both commits, or only by hashes.

    Raises:
        RegistryError: a registry is unreachable or refuses us.
    """
    for by, source in (("sbom", _of_sbom), ("requirements", _of_requirements)):
        before, after = source(old, root), source(new, root)
        if before is not None and after is not None:
            # A dot in a name is no level: the values are flat.
            changed = dict(sorted(params_diff(before, after).items()))
            return PackageDifference(by, not changed, changed)
    sides = (old.provenance, new.provenance)
    for hashes in ([of.requirements for of in sides], [of.hashes.get("uv.lock") for of in sides]):
        if all(hashes):
            return PackageDifference("hash", hashes[0] == hashes[1], {})
    return PackageDifference(None, None, {})


def _of_sbom(found: Found, _root: Path) -> dict[str, str] | None:
    image = found.image.reference
    registry = Registry(image.host)
    for descriptor in registry.referrers(image):
        if descriptor.get("artifactType") != SBOM:
            continue
        _, manifest = registry.manifest(image.at(descriptor["digest"]))
        try:
            content = registry.blob(image, manifest["layers"][0]["digest"])
            return _components(json.loads(content))
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            continue  # attached by others, and no SBOM after all
    return None


def _components(sbom: dict[str, Any]) -> dict[str, str]:
    versions = defaultdict[str, set[str]](set)
    for component in sbom.get("components") or ():
        if component.get("type") in _PACKAGES:
            versions[str(component.get("name"))].add(str(component.get("version")))
    return {name: ", ".join(sorted(of_name)) for name, of_name in versions.items()}


def _of_requirements(found: Found, root: Path) -> dict[str, str] | None:
    """Return what the image's commit pins, if that is what the image was built from."""
    recorded = found.provenance.requirements
    content = file_at(root, str(found.provenance.commit), REQUIREMENTS.as_posix())
    if content is None or (not recorded and found.provenance.dirty):
        return None
    if recorded and recorded != hashlib.sha256(content).hexdigest():
        return None
    return dict(_PINNED.findall(content.decode("utf-8")))
