"""Where an image comes from, as /app/provenance.json and as OCI labels."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from issuesum.lineage import git
from issuesum.lineage.dvc import locked_hashes
from issuesum.lineage.tag import Version

_TOOLS = ("dvc", "keras", "onnxruntime", "seldon-core", "tf2onnx")
# The outputs that an image can be led back to, under the paths of dvc.yaml.
_ARTEFACTS = {
    "raw": "data/raw/github_issues.csv",
    "train": "data/split/train",
    "validation": "data/split/validation",
    "test": "data/split/test",
    "features": "data/features",
    "model": "models",
}


def collect(
    root: Path, *, image: str, made_from: Version, params: dict[str, Any], metrics: dict[str, Any]
) -> dict[str, Any]:
    """Gather what is known of an image before it is built.

    Args:
        root: of the repository.
        image: registry/name:tag.
        made_from: commit and bundle hash.
        params: the whole of params.yaml.
        metrics: the whole of eval/metrics.json.

    Returns:
        JSON-ready values; `image`, `git` and `dvc` are what the server's answers carry.
    """
    hashes = locked_hashes(root)
    return {
        "format": 1,
        "image": image,
        "git": made_from.git,
        "dvc": made_from.dvc,
        "commit": made_from.commit,
        "dirty": made_from.dirty,
        "source": git.remote_url(root),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "hashes": {
            **{name: hashes.get(path) for name, path in _ARTEFACTS.items()},
            "bundle": made_from.bundle,
            "uv.lock": hashlib.sha256((root / "uv.lock").read_bytes()).hexdigest(),
        },
        "lock": (root / "dvc.lock").read_text(encoding="utf-8"),
        "params": params,
        "metrics": metrics,
        "tools": {name: version(name) for name in _TOOLS},
    }


def labels(provenance: dict[str, Any]) -> dict[str, str]:
    """Return the OCI labels of an image (OCI image specification, annotations.md)."""
    found = {
        "org.opencontainers.image.title": "issuesummarization",
        "org.opencontainers.image.description": "Writes titles for GitHub issues",
        "org.opencontainers.image.version": f"{provenance['git']}-{provenance['dvc']}",
        "org.opencontainers.image.revision": provenance["commit"],
        "org.opencontainers.image.created": provenance["created"],
        "org.opencontainers.image.source": provenance["source"],
        "io.issuesum.git": provenance["git"],
        "io.issuesum.dvc": provenance["dvc"],
        **{f"io.issuesum.hash.{name}": value for name, value in provenance["hashes"].items()},
    }
    return {name: value for name, value in found.items() if value}
