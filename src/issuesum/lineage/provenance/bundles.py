"""From a bundle on disk to the commit that recorded it, and to what the repository knows of it."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from issuesum.errors import ArtifactError, RepositoryError
from issuesum.layout import BUNDLE, DATA_PROFILE, LOCK, METRICS, PARAMS
from issuesum.lineage import git
from issuesum.lineage.dvc import Lock, default_remote, hash_of
from issuesum.lineage.history import earlier_versions
from issuesum.lineage.provenance.artefacts import (
    artefacts_of,
    hashes_of,
    rows_of,
    successful_runs,
)
from issuesum.lineage.provenance.collect import changed_params
from issuesum.lineage.provenance.model import Provenance


def provenance_of(bundle: Path) -> Provenance:
    """Return what the repository knows of a bundle.

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
    profile = git.file_at(root, commit, DATA_PROFILE.as_posix())
    params = yaml.safe_load(git.file_at(root, commit, PARAMS.as_posix()) or b"")
    return Provenance.model_validate(
        {
            "commit": commit,
            **git.describe(root, commit),
            "source": git.remote_url(root),
            "remote": default_remote(root),
            "dvc": hash_[:12],
            "hashes": {**hashes_of(lock), "bundle": hash_},
            "artefacts": artefacts_of(
                lock,
                bundle=hash_,
                rows=rows_of(lock, {DATA_PROFILE: profile}),
                made_by=successful_runs(root),
            ),
            "lock": lock.text,
            "params": params,
            "changed_params": changed_params(params) if isinstance(params, dict) else None,
            "metrics": json.loads(git.file_at(root, commit, METRICS.as_posix()) or b"null"),
        }
    )


def _project_of(bundle: Path) -> Path:
    above = bundle.resolve().parents
    return next((folder for folder in above if (folder / ".dvc").is_dir()), Path())


def _recorded(root: Path, bundle: str) -> tuple[str, Lock]:
    found = None
    for commit, text in earlier_versions(root / LOCK):  # the newest first
        if bundle not in text:
            continue
        try:
            lock = Lock.parse(text)
        except RepositoryError:  # a broken lock was committed once
            continue
        if lock.md5(BUNDLE) == bundle:
            found = commit, lock
    if found is None:
        raise ArtifactError(
            f"A commit must record the bundle in its dvc.lock. Received: none with {bundle}. "
            "Try: git commit dvc.lock after dvc repro, or git fetch --unshallow."
        )
    return found
