"""What labels an image has by its provenance, and how they are compared.

The image has this module, so that its server derives the labels as export did; no DVC here.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

VARIABLE = "ISSUESUM_LABELS"
"""Holds the image's labels as JSON, or some of them: a container cannot see its own."""
_PREFIX = "io.issuesum."
_CHECKED = ("org.opencontainers.image.revision", "org.opencontainers.image.version")


def labels_of(content: bytes) -> dict[str, str]:
    """Return the labels that an image has by the content of its /app/provenance.json.

    What is unknown there has no label (ValueError: it is no JSON; KeyError: it lacks something).
    Source: OCI image specification, annotations.md.
    """
    provenance = json.loads(content)
    oci = {
        "title": "issuesummarization",
        "description": "Writes titles for GitHub issues",
        "version": f"{provenance['git']}-{provenance['dvc']}",
        "revision": provenance["commit"],
        "created": provenance.get("created"),
        "source": provenance.get("source"),
    }
    ours = {
        "git": provenance["git"],
        "dvc": provenance["dvc"],
        "patch": (provenance.get("patch") or {}).get("sha256"),
        "provenance": hashlib.sha256(content).hexdigest(),
        **{f"hash.{name}": value for name, value in provenance["hashes"].items()},
    }
    found = {
        **{f"org.opencontainers.image.{name}": value for name, value in oci.items()},
        **{f"{_PREFIX}{name}": value for name, value in ours.items()},
    }
    return {name: value for name, value in found.items() if value}


def differences(
    found: Mapping[str, Any], expected: Mapping[str, str], *, complete: bool = False
) -> list[tuple[str, Any, str | None]]:
    """Return name, found and expected value of the labels that differ; a base image's are ignored.

    `found` may hold some labels only, unless they are to be `complete`.
    """
    ours = [name for name in found if name.startswith(_PREFIX) or name in _CHECKED]
    return [
        (name, found.get(name), expected.get(name))
        for name in (sorted({*expected, *ours}) if complete else ours)
        if found.get(name) != expected.get(name)
    ]
