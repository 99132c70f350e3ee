"""Images as people name them, and as manifests pin them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from issuesum.errors import ParamsError, RegistryError
from issuesum.registry.client import Registry
from issuesum.registry.reference import Reference

# registry/name, then a tag, a digest or both. A first part without a dot or a port is no registry:
# each node would look for such a name wherever its runtime is set to look.
_REFERENCE = re.compile(
    r"(?P<name>(?=[^/]*[.:]|localhost/)[\w.-]+(?::\d+)?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)

# The tags that export makes (issuesum.lineage.tag).
_LINEAGE = re.compile(r":(?P<git>[0-9a-f]{12}(?:-dirty)?)-(?P<dvc>[0-9a-f]{12})(?:@|$)")


@dataclass(frozen=True)
class Image:
    """An image that a registry holds.

    Attributes:
        reference: as it was named: registry/name:tag, or by digest.
        pinned: registry/name@sha256:…, which can never name another image.
    """

    reference: str
    pinned: str

    @property
    def labels(self) -> dict[str, str]:
        """The image's labels that its tag tells, so that its server can compare; none without."""
        tag = _LINEAGE.search(self.reference)
        return (
            {f"io.issuesum.{name}": value for name, value in tag.groupdict().items()} if tag else {}
        )


def resolve(reference: str) -> Image:
    """Ask the registry for the digest of `reference`.

    Args:
        reference: registry/name:tag, registry/name@sha256:… or both; of both the digest counts.

    Raises:
        ParamsError: `reference` is nothing of these.
        RegistryError: the registry does not hold it, is unreachable or refuses us.
    """
    found = _REFERENCE.fullmatch(reference)
    if not found or not (found["tag"] or found["digest"]):
        raise ParamsError(
            "An image must be registry/name:tag or registry/name@sha256:…. "
            f"Received: {reference}. Try: the image in serving/image.json."
        )
    name = found["name"]
    asked = f"{name}@{found['digest']}" if found["digest"] else reference
    wanted = Reference.parse(asked)
    digest = Registry(wanted.host).digest(wanted)
    if digest is None:
        raise RegistryError(
            f"{wanted.host} must hold {asked}. Received: no such image. "
            "Try: dvc repro, which pushes the image that serving/image.json names."
        )
    return Image(reference=reference, pinned=f"{name}@{digest}")
