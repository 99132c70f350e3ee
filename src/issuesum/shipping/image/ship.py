"""The image of a working tree: built, tried, and pushed under a tag that is never moved."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from issuesum.errors import RegistryError
from issuesum.lineage.tag import Version, dirty_patch, version_of
from issuesum.registry.canonical import push
from issuesum.registry.client import Registry
from issuesum.registry.image import read_image
from issuesum.registry.reference import Reference
from issuesum.shipping.image.builder import Builder, exclusive
from issuesum.shipping.image.dockerfile import compose

_LABELS = ("org.opencontainers.image.revision", "io.issuesum.hash.bundle", "io.issuesum.patch")
"""Where an image has its lineage."""


def _lineage(commit: str | None, bundle: str | None, patch: str | None) -> str:
    return f"commit {commit}, bundle {bundle}, {f'patch {patch}' if patch else 'no patch'}"


@dataclass(frozen=True)
class Target:
    """An image by name, and what decides it."""

    image: Reference  # registry/name:tag
    version: Version  # what the tag is made of
    patch: bytes  # what a dirty tree adds to the commit, nothing of a clean one

    @classmethod
    def of(cls, root: Path, bundle: Path, repository: str) -> Target:
        """Ask Git and DVC what an image in `repository`, registry/name, is made from now.

        ArtifactError: there is no bundle; RepositoryError: no commit, or no DVC repository.
        """
        patch, version = dirty_patch(root), version_of(root, bundle)
        return cls(Reference.parse(f"{repository}:{version.tag}"), version, patch)

    @property
    def lineage(self) -> str:
        """What decides the image, in words."""
        changes = hashlib.sha256(self.patch).hexdigest() if self.patch else None
        return _lineage(self.version.commit, self.version.bundle, changes)

    def pushed_digest(self, registry: Registry) -> str | None:
        """Return the digest of our image in the registry, None if there is nothing under its tag.

        It is ours if its lineage is: two builds of one lineage differ in the base image at most.
        Raises RegistryError if it was made from something else.
        """
        digest = registry.digest(self.image)
        if digest is None:
            return None
        labels = read_image(registry, self.image.at(digest)).labels
        found = _lineage(*map(labels.get, _LABELS))
        if found != self.lineage:
            raise RegistryError(
                f"{self.image} must be free, or made from {self.lineage}. Received: {digest}, made "
                f"from {found}. Try: git commit, which makes another tag; a tag that is there is "
                "never moved."
            )
        return digest


def ship(
    builder: Builder, target: Target, provenance: bytes, *, bundle: Path, timeout: float
) -> tuple[str, str | None]:
    """Make the image of a target, unless the registry holds it by now.

    It is pushed under its digest, tried as the registry gives it, and only then gets its tag.
    Returns the digest under the tag, and the server's first title, None if another export was
    faster. EngineError: the build failed, or the server gives no such answer within `timeout`
    seconds; RegistryError: the tag was made from something else.
    """
    image, registry = target.image, builder.registry
    with exclusive(image.repository):
        if digest := target.pushed_digest(registry):
            return digest, None
        with tempfile.TemporaryDirectory(prefix="issuesum-") as place:
            folder = Path(place)
            runtime = builder.runtime(bundle, folder)
            made = compose(runtime, bundle, provenance, folder=folder)
            pinned = image.at(made.digest)
            push(registry, pinned, made)
            title = builder.first_title(pinned, timeout=timeout)
            if digest := target.pushed_digest(registry):  # from another machine meanwhile
                return digest, None
            push(registry, image, made)
        # Another machine may have pushed at the same time: the last one has the tag.
        return target.pushed_digest(registry) or made.digest, title
