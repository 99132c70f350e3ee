"""The image that a working tree makes, before anything is built."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from issuesum.lineage.patch import dirty_patch
from issuesum.lineage.tag import Version, version_of
from issuesum.registry.reference import Reference
from issuesum.shipping.image.claim import Lineage


@dataclass(frozen=True)
class Target:
    """An image by name, and what decides it.

    Attributes:
        image: registry/name:tag.
        version: what the tag is made of.
        lineage: the version, and what a dirty tree adds to it.
    """

    image: Reference
    version: Version
    lineage: Lineage

    @classmethod
    def of(cls, root: Path, bundle: Path, repository: str) -> Target:
        """Ask Git and DVC.

        Args:
            root: of the Git and DVC repository.
            bundle: the folder that the build stage wrote.
            repository: registry/name.

        Raises:
            ArtifactError: there is no bundle.
            RepositoryError: there is no commit, or no DVC repository.
        """
        patch = dirty_patch(root)
        version = version_of(root, bundle)
        changes = hashlib.sha256(patch).hexdigest() if patch else None
        return cls(
            image=Reference.parse(f"{repository}:{version.tag}"),
            version=version,
            lineage=Lineage(version.commit, version.bundle, changes),
        )
