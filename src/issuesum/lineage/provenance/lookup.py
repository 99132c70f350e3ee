"""From what a person holds, a tag say, to the provenance of the image."""

import re
from dataclasses import dataclass
from pathlib import Path

from issuesum.errors import ParamsError
from issuesum.layout import RECEIPT
from issuesum.lineage.provenance.model import FILE, Exported, Provenance
from issuesum.lineage.receipt import Receipt
from issuesum.registry.client import Registry
from issuesum.registry.image import RemoteImage, read_file, read_image
from issuesum.registry.reference import Reference

OUR_TAG = re.compile(r"[0-9a-f]{12}(-dirty)?-[0-9a-f]{12}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Found:
    """An image and what it says of its making."""

    image: RemoteImage
    provenance: Provenance
    content: bytes  # of /app/provenance.json

    def exported(self) -> Exported:
        """Return the provenance of an image that export made, or raise an ArtifactError."""
        return Exported.parse(self.content, str(self.image.reference))


def look_up(text: str | None, *, default: str | None) -> Found:
    """Return the image that `text` means, by asking its registry alone.

    That is registry/name:tag, registry/name@sha256:…, a tag or a digest alone, to be looked up in
    the `default` registry/name, the path of a receipt, or None for the last receipt.

    Raises:
        ParamsError: `text` is none of these, or it lacks a repository and there is no default.
        ArtifactError: there is no receipt, or the image has no provenance.
        RegistryError: the registry is unreachable, refuses us or holds no such image.
    """
    reference = reference_of(text, default)
    registry = Registry(reference.host)
    image = read_image(registry, reference)
    content = read_file(registry, image, FILE)
    return Found(image, Provenance.parse(content, str(reference)), content)


def reference_of(text: str | None, default: str | None) -> Reference:
    """Return the name of the image that `text` means, by the rules and errors of `look_up`."""
    if text is None or Path(text).is_file():
        return Reference.parse(Receipt.load(Path(text) if text else RECEIPT).pinned)
    sign = ":" if OUR_TAG.fullmatch(text) else "@" if DIGEST.fullmatch(text) else None
    if sign and default is None:
        raise ParamsError(
            f"A tag or digest alone needs a repository to look it up in. Received: {text}. "
            f"Try: registry/name{sign}{text}, the root of the repository, or ISSUESUM_REGISTRY."
        )
    if sign:
        return Reference.parse(f"{default}{sign}{text}")
    if "/" not in text:
        raise ParamsError(
            f"An image must be named by registry/name:tag, its digest, a tag such as "
            f"3f2c1ab4d5e6-9d8e7f6a5b4c, or a receipt. Received: {text!r}. "
            f"Try: the `image` of {RECEIPT}; or docker tag {text} registry/name:tag, and docker "
            "push of that, if Docker Engine here holds it."
        )
    return Reference.parse(text)
