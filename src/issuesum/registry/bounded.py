"""No more of what others send than can be what we look for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from issuesum.errors import ArtifactError

SMALL = 8 * 2**20
"""Bytes of a manifest, a config, an attestation, or a packed layer that is read whole."""
UNPACKED = 64 * 2**20
"""Bytes of such a layer when it is unpacked."""
LARGEST = 8 * 2**30
"""Bytes that a layer may unpack to on disk."""


def limited(chunks: Iterable[bytes], most: int, what: str) -> Iterator[bytes]:
    """Hand on chunks until they are more than `most` bytes in all.

    Raises:
        ArtifactError: they are.
    """
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > most:
            raise too_large(most, what)
        yield chunk


def too_large(most: int, what: str, unit: str = "bytes") -> ArtifactError:
    """Return the error for what holds more than can be meant."""
    return ArtifactError(
        f"{what} must be at most {most:,} {unit}. Received: more. "
        "Try: an image that the export stage made."
    )
