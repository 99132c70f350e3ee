"""From what a person holds, a tag say, to the provenance of the image."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from issuesum.errors import ArtifactError, ParamsError
from issuesum.image.receipt import RECEIPT, Receipt
from issuesum.registry.client import Registry
from issuesum.registry.image import RemoteImage, read_file, read_image
from issuesum.registry.reference import Reference

PROVENANCE = "app/provenance.json"
"""Where the Dockerfile puts it."""
_OUR_TAG = re.compile(r"[0-9a-f]{12}(-dirty)?-[0-9a-f]{12}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Found:
    """An image and what it says of its making.

    Attributes:
        image: as the registry holds it.
        provenance: /app/provenance.json.
    """

    image: RemoteImage
    provenance: dict[str, Any]


def look_up(text: str | None, *, default: str) -> Found:
    """Return the image that `text` means, by asking its registry alone.

    Args:
        text: registry/name:tag, registry/name@sha256:…, a tag or a digest alone, the path of a
            receipt, or None for the last receipt.
        default: registry/name, where a tag or a digest alone is looked up.

    Raises:
        ParamsError: `text` is none of these.
        ArtifactError: there is no receipt, or the image has no provenance.
        RegistryError: the registry is unreachable, refuses us or holds no such image.
    """
    reference = _reference(text, default)
    registry = Registry(reference.host)
    image = read_image(registry, reference)
    content = read_file(registry, image, PROVENANCE)
    try:
        provenance = json.loads(content)
        if not isinstance(provenance, dict) or "commit" not in provenance:
            raise ValueError("no commit in it")
    except ValueError as error:
        raise ArtifactError(
            f"/{PROVENANCE} of {reference} must be a provenance. Received: {error}. "
            "Try: an image that the export stage made."
        ) from error
    return Found(image, provenance)


def _reference(text: str | None, default: str) -> Reference:
    if text is None or Path(text).is_file():
        return Reference.parse(Receipt.load(Path(text) if text else RECEIPT).pinned)
    if _OUR_TAG.fullmatch(text):
        return Reference.parse(f"{default}:{text}")
    if _DIGEST.fullmatch(text):
        return Reference.parse(f"{default}@{text}")
    if "/" not in text:
        raise ParamsError(
            f"An image must be named by registry/name:tag, its digest, a tag such as "
            f"3f2c1ab4d5e6-9d8e7f6a5b4c, or a receipt. Received: {text!r}. "
            f"Try: the `image` of {RECEIPT}."
        )
    return Reference.parse(text)
