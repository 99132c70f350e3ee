"""A folder out of an image, from its registry alone."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path
from typing import IO

from issuesum.errors import ArtifactError, one_line
from issuesum.registry.bounded import LARGEST, too_large
from issuesum.registry.client import Registry
from issuesum.registry.image import RemoteImage

_FILES = 10_000
"""Below a prefix; a model has six."""


def read_folder(registry: Registry, image: RemoteImage, prefix: str, target: Path) -> None:
    """Copy the files below `prefix` from the uppermost layer that has any.

    One COPY of a Dockerfile makes one layer, so that is all of them. Layers are looked at from the
    top, one at a time, and those further down are not downloaded. A layer is checked against its
    digest before anything is taken out of it.

    Args:
        registry: that holds the image.
        image: what `read_image` returned.
        prefix: the folder in the image, without slashes at its ends.
        target: an existing folder, which gets what is below `prefix`.

    Raises:
        ArtifactError: no layer holds such files, or one is too large or cannot be unpacked.
        RegistryError: the registry is unreachable or refuses us.
    """
    for layer in reversed(image.layers):
        with tempfile.TemporaryFile(dir=target) as packed:
            registry.download(image.reference, layer["digest"], packed, most=LARGEST)
            packed.seek(0)
            try:
                if _extract(packed, prefix, target):
                    return
            except (tarfile.TarError, EOFError, OSError) as error:
                raise ArtifactError(
                    f"Layer {layer['digest']} of {image.reference} must be a tar that can be "
                    f"unpacked. Received: {one_line(error)}. Try: another image, or free space."
                ) from error
    raise ArtifactError(
        f"{image.reference} must hold /{prefix}. Received: an image without it. "
        "Try: an image that the export stage made."
    )


def _extract(packed: IO[bytes], prefix: str, target: Path) -> int:
    """Return how many files there were."""
    count = 0
    with tarfile.open(fileobj=packed) as archive:
        for entry in archive:
            if entry.offset_data + entry.size > LARGEST:
                raise too_large(LARGEST, "A layer, unpacked,")
            inside = entry.name.removeprefix("./").removeprefix(f"{prefix}/")
            if entry.isfile() and inside != entry.name.removeprefix("./"):
                if count == _FILES:
                    raise too_large(_FILES, f"The folder /{prefix}", "files")
                # `data` refuses what would be written outside of `target` (PEP 706).
                archive.extract(entry.replace(name=inside), target, filter="data")
                count += 1
    return count
