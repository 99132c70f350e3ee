"""Where an image comes from, as /app/provenance.json and as OCI labels."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from issuesum.lineage import git
from issuesum.lineage.dvc import default_remote, read_lock, recorded_items
from issuesum.lineage.patch import dirty_patch
from issuesum.lineage.provenance import artefacts
from issuesum.lineage.provenance.dotted import dotted
from issuesum.lineage.tag import Version
from issuesum.registry.labels import as_json, labels_of

FORMAT = 2
_TOOLS = ("dvc", "keras", "onnxruntime", "seldon-core", "tf2onnx")


def collect(
    root: Path, *, image: str, made_from: Version, params: dict[str, Any], metrics: dict[str, Any]
) -> dict[str, Any]:
    """Gather what is known of an image before it is built; needs no network.

    Of DVC's and Git's configuration only what is named here gets in, never a credential.

    Args:
        root: of the project.
        image: registry/name:tag.
        made_from: commit and bundle hash.
        params: the whole of params.yaml.
        metrics: the whole of eval/metrics.json.

    Returns:
        JSON-ready values (docs/provenance.md); `image`, `git` and `dvc` are what the server's
        answers carry.

    Raises:
        RepositoryError: there is no commit or no dvc.lock, or a configuration is broken.
    """
    lock = read_lock(root)
    items = recorded_items(lock)
    summaries = {path: _content(root / path) for path in (artefacts.SUMMARY, artefacts.PROFILE)}
    return {
        "format": FORMAT,
        "image": image,
        "git": made_from.git,
        "dvc": made_from.dvc,
        "commit": made_from.commit,
        "dirty": made_from.dirty,
        **git.describe(root, made_from.commit),
        "source": git.remote_url(root),
        "folder": git.prefix(root).rstrip("/"),
        "remote": default_remote(root),
        "patch": _patch(root) if made_from.dirty else None,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "user": git.user(root),
        "hashes": {
            **artefacts.hashes_of(items),
            "bundle": made_from.bundle,
            "uv.lock": _sha256(root / "uv.lock"),
        },
        "requirements": _sha256(root / "serving/requirements.txt"),
        "artefacts": artefacts.artefacts_of(
            items,
            bundle=made_from.bundle,
            rows=artefacts.rows_of(items, summaries),
            made_by=artefacts.read_runs(root),
        ),
        "lock": lock,
        "params": params,
        "changed_params": changed_params(params),
        "metrics": metrics,
        "tools": {name: version(name) for name in _TOOLS},
    }


def labels(provenance: dict[str, Any]) -> dict[str, str]:
    """Return the OCI labels of an image (OCI image specification, annotations.md)."""
    return labels_of(as_json(provenance))


def score_on(provenance: dict[str, Any], test: str | None, rows: int) -> float | None:
    """Return the ROUGE-L that an image's provenance tells, if it is of these test issues.

    Args:
        provenance: of the image.
        test: DVC's hash of the test side.
        rows: how many of its issues are scored.
    """
    scores = provenance.get("metrics") or {}
    theirs = provenance.get("hashes", {}).get("test"), scores.get("test_rows")
    if test is None or theirs != (test, rows):
        return None
    reached: float | None = scores.get("model", {}).get("rouge_l")
    return reached


def changed_params(params: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the params that differ from those that params.yaml came with.

    Returns:
        By dotted name, the default and what was used; None where there was none.
    """
    text = files("issuesum.lineage").joinpath("defaults.yaml").read_text(encoding="utf-8")
    before, after = dotted(yaml.safe_load(text)), dotted(params)
    return {
        name: [before.get(name), after.get(name)]
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    }


def _patch(root: Path) -> dict[str, str]:
    patch = dirty_patch(root)
    return {
        "sha256": hashlib.sha256(patch).hexdigest(),
        "base64": base64.b64encode(patch).decode(),
    }


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _sha256(path: Path) -> str | None:
    content = _content(path)
    return None if content is None else hashlib.sha256(content).hexdigest()
