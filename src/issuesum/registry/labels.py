"""What an image says of its making: file, labels, metadata and tags, which must agree.

The image carries this module, so that its server derives the labels as export did; no DVC here.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from issuesum.errors import ArtifactError, ParamsError, one_line

VARIABLE = "ISSUESUM_LABELS"
"""Holds the image's labels as JSON, or some of them: a container cannot see its own."""
_PREFIX = "io.issuesum."
_CHECKED = ("org.opencontainers.image.revision", "org.opencontainers.image.version")


@dataclass(frozen=True)
class Origin:
    """What the server knows of its image.

    Attributes:
        provenance: the content of /app/provenance.json.
        labels: that the image must bear.
    """

    provenance: dict[str, Any]
    labels: dict[str, str]

    @classmethod
    def read(cls, path: Path, environment: Mapping[str, str] = os.environ) -> Origin:
        """Read the file, and compare it with the labels that the environment hands on.

        Raises:
            ArtifactError: there is no such file, it is broken, or a label contradicts it.
            ParamsError: ISSUESUM_LABELS is no JSON object.
        """
        try:
            content = path.read_bytes()
            provenance, labels = json.loads(content), labels_of(content)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArtifactError(
                f"{path} must be a provenance. Received: {type(error).__name__}: "
                f"{one_line(error)}. Try: an image that the export stage made."
            ) from error
        for name, label, ours in differences(labels, _handed(environment)):
            raise ArtifactError(
                f"The label {name} must be what {path} says. Received: {label!r} as label, "
                f"{ours!r} by the file. Try: the labels of this very image in {VARIABLE}, or "
                "dvc repro -f -s export."
            )
        return cls(provenance, labels)

    @property
    def tags(self) -> dict[str, str]:
        """What every answer bears: image, commit, and DVC's hashes of bundle, model and data."""
        hashes = self.provenance["hashes"]
        named = {key: self.provenance[key] for key in ("image", "git", "dvc", "commit")}
        kept = {"bundle": "bundle", "model": "model", "data": "raw"}
        return {**named, **{tag: hashes.get(name) or "" for tag, name in kept.items()}}

    @property
    def custom(self) -> dict[str, str]:
        """What Seldon's metadata bear: all labels, and the tags under their short names."""
        return {**self.tags, **self.labels}


def as_json(provenance: dict[str, Any]) -> bytes:
    """Return the bytes of /app/provenance.json."""
    return json.dumps(provenance, indent=2).encode()


def labels_of(content: bytes) -> dict[str, str]:
    """Return the labels of an image (OCI image specification, annotations.md).

    Args:
        content: of its /app/provenance.json; what is unknown there has no label.

    Raises:
        ValueError: it is not JSON.
        KeyError: it lacks what every provenance has.
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
    labels: Mapping[str, str], handed: Mapping[str, Any]
) -> list[tuple[str, Any, str | None]]:
    """Compare labels that an image bears with those that it must bear.

    Args:
        labels: that it must bear.
        handed: all or some that it bears; those of a base image are none of ours.

    Returns:
        Name, what it bears and what it must bear, of each that differs.
    """
    return [
        (name, value, labels.get(name))
        for name, value in handed.items()
        if (name.startswith(_PREFIX) or name in _CHECKED) and value != labels.get(name)
    ]


def _handed(environment: Mapping[str, str]) -> dict[str, Any]:
    text = environment.get(VARIABLE)
    if not text:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(one_line(error)) from error
    if not isinstance(found, dict):
        raise _unreadable(f"a {type(found).__name__}")
    return found


def _unreadable(reason: str) -> ParamsError:
    return ParamsError(
        f"{VARIABLE} must be the image's labels as a JSON object. Received: {reason}. "
        "Try: docker inspect -f '{{json .Config.Labels}}' IMAGE."
    )
