"""What the server knows of the image that it runs in."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from issuesum.errors import ArtifactError, ParamsError, one_line, reading_artifact
from issuesum.registry.labels import VARIABLE, differences, labels_of


@dataclass(frozen=True)
class Origin:
    """Where this image comes from: /app/provenance.json, and the labels that follow from it."""

    provenance: dict[str, Any]
    labels: dict[str, str]

    @classmethod
    def read(cls, path: Path, environment: Mapping[str, str] = os.environ) -> Origin:
        """Read the file, and compare it with the labels in ISSUESUM_LABELS.

        ArtifactError: it is missing or broken, or a label contradicts it. ParamsError:
        ISSUESUM_LABELS is no JSON object.
        """
        must = f"{path} must be a provenance"
        with reading_artifact(must, "an image that the export stage made"):
            content = path.read_bytes()
            provenance, labels = json.loads(content), labels_of(content)
        try:
            handed = dict(**json.loads(environment.get(VARIABLE) or "{}"))
        except (ValueError, TypeError, RecursionError) as error:
            raise ParamsError(
                f"{VARIABLE} must be the image's labels as a JSON object. Received: "
                f"{one_line(error)}. Try: docker inspect -f '{{{{json .Config.Labels}}}}' IMAGE."
            ) from error
        for name, label, ours in differences(handed, labels):
            raise ArtifactError(
                f"The label {name} must be what {path} says. Received: {label!r} as label, "
                f"{ours!r} by the file. Try: the labels of this very image in {VARIABLE}, or "
                "dvc repro -f -s export."
            )
        return cls(provenance, labels)

    @property
    def tags(self) -> dict[str, str]:
        """What every answer has: image, commit, and DVC's hashes of bundle, model and data."""
        hashes = self.provenance["hashes"]
        named = {key: self.provenance[key] for key in ("image", "git", "dvc", "commit")}
        kept = {"bundle": "bundle", "model": "model", "data": "raw"}
        return {**named, **{tag: hashes.get(name) or "" for tag, name in kept.items()}}
