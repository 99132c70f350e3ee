"""From a bundle on disk to the commit that recorded it, and to what the repository knows of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from issuesum.errors import ArtifactError, RepositoryError
from issuesum.lineage import git
from issuesum.lineage.dvc import default_remote, hash_of, recorded_items
from issuesum.lineage.history import earlier_versions
from issuesum.lineage.provenance import artefacts
from issuesum.lineage.provenance.collect import changed_params

_BUNDLE = "serving/bundle"


def provenance_of(bundle: Path) -> dict[str, Any]:
    """Return what the repository knows of a bundle, with the keys of a provenance.

    Of the commits whose dvc.lock has this bundle's hash the earliest counts: that is where it was
    made. Params and metrics are those of that commit.

    Args:
        bundle: a folder, inside a project or anywhere; then of the project in the working folder.

    Raises:
        ArtifactError: no commit knows the bundle.
        RepositoryError: there is no Git or DVC repository.
    """
    root = _project_of(bundle)
    hash_ = hash_of(bundle, root)
    commit, lock = _recorded(root, hash_)
    items = recorded_items(lock)
    summaries = {artefacts.PROFILE: git.file_at(root, commit, artefacts.PROFILE)}
    params = yaml.safe_load(git.file_at(root, commit, "params.yaml") or b"")
    hashes = artefacts.hashes_of(items)
    return {
        "commit": commit,
        **git.describe(root, commit),
        "source": git.remote_url(root),
        "remote": default_remote(root),
        "dvc": hash_[:12],
        "hashes": {**hashes, "bundle": hash_},
        "artefacts": artefacts.artefacts_of(
            items,
            bundle=hash_,
            rows=artefacts.rows_of(items, summaries),
            made_by=artefacts.read_runs(root),
        ),
        "lock": lock,
        "params": params,
        "changed_params": changed_params(params) if isinstance(params, dict) else None,
        "metrics": json.loads(git.file_at(root, commit, "eval/metrics.json") or b"null"),
    }


def _project_of(bundle: Path) -> Path:
    above = bundle.resolve().parents
    return next((folder for folder in above if (folder / ".dvc").is_dir()), Path())


def _recorded(root: Path, bundle: str) -> tuple[str, str]:
    found = None
    for commit, lock in earlier_versions(root / "dvc.lock"):  # the newest first
        try:
            known = recorded_items(lock).get(_BUNDLE, {})
        except RepositoryError:  # a broken lock was committed once
            continue
        if known.get("md5") == bundle:
            found = commit, lock
    if found is None:
        raise ArtifactError(
            f"A commit must record the bundle in its dvc.lock. Received: none with {bundle}. "
            "Try: git commit dvc.lock after dvc repro, or git fetch --unshallow."
        )
    return found
