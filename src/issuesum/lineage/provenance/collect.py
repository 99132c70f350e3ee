"""Where an image comes from, gathered before it is built."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from issuesum.layout import DATA_PROFILE, EXPORT_STAGE, REQUIREMENTS, UV_LOCK
from issuesum.lineage import git
from issuesum.lineage.dvc import Lock, default_remote
from issuesum.lineage.provenance.artefacts import artefacts_of, hashes_of, rows_of
from issuesum.lineage.provenance.model import FORMAT, Provenance
from issuesum.lineage.provenance.params_diff import params_diff
from issuesum.lineage.tag import Version, dirty_patch

_TOOLS = ("dvc", "keras", "onnxruntime", "seldon-core", "tf2onnx")


def collect(
    root: Path,
    *,
    image: str,
    made_from: Version,
    params: dict[str, Any],
    defaults: Mapping[str, Any],
    metrics: dict[str, Any],
) -> Provenance:
    """Gather what is known of an image before it is built; needs no network.

    Equal inputs give equal bytes, at any time, on any machine and for anyone. Of DVC's and Git's
    configuration only what is named here gets in, never a credential.

    Args:
        root: of the project.
        image: registry/name:tag.
        made_from: commit and bundle hash.
        params: the whole of params.yaml.
        defaults: what it came with.
        metrics: the whole of eval/metrics.json.

    Raises:
        RepositoryError: there is no commit or no dvc.lock, or a configuration is broken.
    """
    lock, commit = Lock.read(root), git.describe(root, made_from.commit)
    created = datetime.fromisoformat(commit["committed"]).astimezone(UTC)
    paths = (DATA_PROFILE, UV_LOCK, REQUIREMENTS)
    files = {path: (root / path).read_bytes() for path in paths if (root / path).is_file()}
    sha256s = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    patch = dirty_patch(root) if made_from.dirty else None
    return Provenance.model_validate(
        {
            "format": FORMAT,
            "image": image,
            "git": made_from.git,
            "dvc": made_from.dvc,
            "commit": made_from.commit,
            "dirty": made_from.dirty,
            **commit,
            "source": git.remote_url(root),
            "folder": git.prefix(root).rstrip("/"),
            "remote": default_remote(root),
            "patch": None if patch is None else {
                "sha256": hashlib.sha256(patch).hexdigest(),
                "base64": base64.b64encode(patch).decode(),
            },
            "created": created.isoformat(timespec="seconds"),
            "hashes": {
                **hashes_of(lock), "bundle": made_from.bundle, "uv.lock": sha256s.get(UV_LOCK)
            },
            "requirements": sha256s.get(REQUIREMENTS),
            "artefacts": artefacts_of(
                lock, bundle=made_from.bundle, rows=rows_of(lock, files.get(DATA_PROFILE))
            ),
            "lock": lock.text_without(EXPORT_STAGE),  # which has the export before this one
            "params": params,
            "changed_params": changed_params(params, defaults),
            "metrics": metrics,
            "tools": {name: version(name) for name in _TOOLS},
        }
    )  # fmt: skip


def changed_params(params: object, defaults: Mapping[str, Any]) -> dict[str, list[Any]] | None:
    """Return by dotted name what differs from the defaults: the default and what was used."""
    if not isinstance(params, Mapping):  # the file of an earlier commit holds none
        return None
    changed = params_diff(defaults, params)
    return {name: [change.old, change.new] for name, change in changed.items()}
