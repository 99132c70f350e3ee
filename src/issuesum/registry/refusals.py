"""What a registry refused, as one line that says what to do."""

from __future__ import annotations

import re

from issuesum.errors import RegistryError

_SIGNED = re.compile(r"\?\S*(?:sig|signature|token|credential)=[^\s'\")]+", re.IGNORECASE)
"""The query of a URL that is itself a key, as a registry's storage gives them out."""
_DENIALS = ("unauthorized", "no basic auth", "denied", "forbidden")


def refusal(image: str, reason: str) -> RegistryError:
    """Return the error for what a registry said to us, with what to do about it."""
    registry = image.split("/", 1)[0]
    reason = _SIGNED.sub("?…", " ".join(reason.split()))
    lowered = reason.lower()
    if any(word in lowered for word in _DENIALS):
        return RegistryError(
            f"{registry} must accept our credentials. Received: {reason}. "
            f"Try: docker login {registry}, or set ISSUESUM_REGISTRY_USERNAME and "
            "ISSUESUM_REGISTRY_PASSWORD for the registry of ISSUESUM_REGISTRY; then the same again."
        )
    return RegistryError(
        f"{registry} must take or give {image}. Received: {reason}. "
        "Try: tools/services up, or set ISSUESUM_REGISTRY; then the same again."
    )
