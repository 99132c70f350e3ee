"""The packages of two images: by their SBOMs, else by what their commits require."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from issuesum.lineage.git import file_at
from issuesum.lineage.provenance.lookup import Found
from issuesum.lineage.provenance.model import Provenance
from issuesum.lineage.reporting.difference.values import Change, changes
from issuesum.registry.client import Registry

SBOM = "application/vnd.cyclonedx+json"
_REQUIREMENTS = "serving/requirements.txt"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_PACKAGES = ("library", "framework", "application")

By = Literal["sbom", "requirements", "hash"]


@dataclass(frozen=True)
class Packages:
    """What is known of the packages.

    Attributes:
        by: what tells: SBOMs attached to both images, serving/requirements.txt of both commits, or
            only hashes of requirements; None if nothing does.
        same: whether all are the same; None if nothing tells.
        changed: versions by name.
    """

    by: By | None
    same: bool | None
    changed: dict[str, Change]


def compare_packages(old: Found, new: Found, root: Path) -> Packages:
    """Compare by the best that there is for both images.

    Raises:
        RegistryError: a registry is unreachable or refuses us.
    """
    listed = [_of_sbom(found) for found in (old, new)]
    if None not in listed:
        return _told("sbom", *listed)
    required = [_of_requirements(found.provenance, root) for found in (old, new)]
    if None not in required:
        return _told("requirements", *required)
    before, after = old.provenance, new.provenance
    for hashes in (
        (before.requirements, after.requirements),
        (before.hashes.get("uv.lock"), after.hashes.get("uv.lock")),
    ):
        if all(hashes):
            return Packages("hash", hashes[0] == hashes[1], {})
    return Packages(None, None, {})


def _told(by: By, old: dict[str, str] | None, new: dict[str, str] | None) -> Packages:
    # A dot in a name is no level: `changes` is handed flat values.
    changed = dict(sorted(changes(old or {}, new or {}).items()))
    return Packages(by, not changed, changed)


def _of_sbom(found: Found) -> dict[str, str] | None:
    registry = Registry(found.image.reference.host)
    image = found.image.reference
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


def _of_requirements(provenance: Provenance, root: Path) -> dict[str, str] | None:
    """Return what the image's commit pins, if that is what the image was built from."""
    content = file_at(root, str(provenance.commit), _REQUIREMENTS)
    if content is None:
        return None
    recorded = provenance.requirements
    is_it = recorded == hashlib.sha256(content).hexdigest() if recorded else None
    if is_it is False or (is_it is None and provenance.dirty):
        return None
    return dict(_PINNED.findall(content.decode("utf-8")))
