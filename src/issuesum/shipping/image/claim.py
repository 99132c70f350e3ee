"""Whether a tag of a registry is ours: made from what we would make it from."""

from __future__ import annotations

from dataclasses import dataclass

from issuesum.errors import RegistryError
from issuesum.registry.client import Registry
from issuesum.registry.image import read_image
from issuesum.registry.reference import Reference

_COMMIT = "org.opencontainers.image.revision"
_BUNDLE = "io.issuesum.hash.bundle"
_PATCH = "io.issuesum.patch"


@dataclass(frozen=True)
class Lineage:
    """What decides an image.

    Attributes:
        commit: of Git, 40 hex digits.
        bundle: DVC's hash of serving/bundle.
        patch: sha256 of what a dirty tree adds to the commit, None of a clean one.
    """

    commit: str | None
    bundle: str | None
    patch: str | None

    @classmethod
    def read(cls, labels: dict[str, str]) -> Lineage:
        """Read it from an image's labels; what they lack is None."""
        return cls(labels.get(_COMMIT), labels.get(_BUNDLE), labels.get(_PATCH))

    @property
    def labels(self) -> dict[str, str]:
        """The labels that `read` reads."""
        found = {_COMMIT: self.commit, _BUNDLE: self.bundle, _PATCH: self.patch}
        return {name: value for name, value in found.items() if value}

    def __str__(self) -> str:
        """Return it in a few words."""
        patch = f"patch {self.patch[:12]}" if self.patch else "no patch"
        return f"commit {self.commit}, bundle {self.bundle}, {patch}"


def held(registry: Registry, image: Reference, lineage: Lineage) -> str | None:
    """Return the digest of our image in the registry, None if there is nothing under its tag.

    Args:
        registry: where to look.
        image: with a tag.
        lineage: what makes an image ours; two builds of it differ in dates alone.

    Raises:
        RegistryError: the tag is there and was made from something else, or the registry is
            unreachable or refuses us.
    """
    digest = registry.digest(image)
    if digest is None:
        return None
    found = Lineage.read(read_image(registry, image.at(digest)).labels)
    if found != lineage:
        raise RegistryError(
            f"{image} must be free, or made from {lineage}. Received: {digest}, made from {found}. "
            "Try: git commit, which makes another tag; a tag that is there is never moved."
        )
    return digest
