"""Where an image or a bundle comes from, gathered from Git and DVC."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from issuesum import layout
from issuesum.errors import ArtifactError, RepositoryError
from issuesum.lineage import git
from issuesum.lineage.dvc import Lock, cut_entry, default_remote, hash_of, params_diff
from issuesum.lineage.provenance.artefacts import artefacts_of, hashes_of, rows_of
from issuesum.lineage.provenance.model import FORMAT, Provenance
from issuesum.lineage.runs.record import RunRecord, read_all
from issuesum.lineage.tag import Version

_TOOLS = ("dvc", "keras", "onnxruntime", "seldon-core", "tf2onnx")


def collect(
    root: Path,
    *,
    image: str,
    made_from: Version,
    patch: bytes,
    params: dict[str, Any],
    defaults: Mapping[str, Any],
    metrics: dict[str, Any],
) -> Provenance:
    """Gather what is known of an image before it is built; needs no network.

    Equal inputs give equal bytes, at any time, on any machine and for anyone. Of DVC's and Git's
    configuration only what is named here gets in, never a credential.

    `image` is registry/name:tag; `patch` is that of `dirty_patch`; `params` and `metrics` are the
    whole of their files, `defaults` what the first came with. RepositoryError: there is no commit
    or no dvc.lock, or a configuration is broken.
    """
    paths = (layout.DATA_PROFILE, layout.UV_LOCK, layout.REQUIREMENTS)
    files = {path: (root / path).read_bytes() for path in paths if (root / path).is_file()}
    sha256s = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    lock = Lock.read(root)
    known = _known(
        root, made_from.commit, lock, bundle=made_from.bundle, params=params, defaults=defaults,
        profile=files.get(layout.DATA_PROFILE), metrics=metrics,
    )  # fmt: skip
    created = datetime.fromisoformat(known["committed"]).astimezone(UTC)
    return Provenance.model_validate(
        known
        | {
            "format": FORMAT,
            "image": image,
            "git": made_from.git,
            "dirty": made_from.dirty,
            "folder": git.prefix(root).rstrip("/"),
            "patch": {
                "sha256": hashlib.sha256(patch).hexdigest(),
                "base64": base64.b64encode(patch).decode(),
            } if patch else None,
            "created": created.isoformat(timespec="seconds"),
            "hashes": known["hashes"] | {"uv.lock": sha256s.get(layout.UV_LOCK)},
            "requirements": sha256s.get(layout.REQUIREMENTS),
            "lock": cut_entry(lock.text, layout.EXPORT_STAGE)[0],  # that of the export before
            "tools": {name: version(name) for name in _TOOLS},
        }
    )  # fmt: skip


def of_bundle(folder: Path, defaults: Mapping[str, Any]) -> Provenance:
    """Return what the project that a bundle is in, or else that of the working folder, knows of it.

    Of the commits whose dvc.lock has this bundle's hash the earliest counts: that is where it was
    made. Params and metrics are those of that commit.
    """
    above = folder.resolve().parents
    root = next((each for each in above if (each / ".dvc").is_dir()), Path())
    bundle = hash_of(folder, root)
    commit, lock = _recorded(root, bundle)
    paths = (layout.DATA_PROFILE, layout.PARAMS, layout.METRICS)
    profile, params, metrics = (git.file_at(root, commit, path.as_posix()) for path in paths)
    return Provenance.model_validate(
        _known(
            root, commit, lock, bundle=bundle, profile=profile,
            params=yaml.safe_load(params or b""), defaults=defaults,
            metrics=json.loads(metrics or b"null"), made_by=read_all(root / layout.RUNS),
        )
    )  # fmt: skip


def _known(
    root: Path, commit: str, lock: Lock, *, bundle: str, profile: bytes | None, params: object,
    defaults: Mapping[str, Any], metrics: object, made_by: Iterable[RunRecord] = (),
) -> dict[str, Any]:  # fmt: skip
    rows = rows_of(lock, profile)
    return {
        "commit": commit,
        **git.describe(root, commit),
        "source": git.remote_url(root),
        "remote": default_remote(root),
        "dvc": bundle[:12],
        "hashes": {**hashes_of(lock), "bundle": bundle},
        "artefacts": artefacts_of(lock, bundle=bundle, rows=rows, made_by=made_by),
        "lock": lock.text,
        "params": params,
        "changed_params": changed_params(params, defaults),
        "metrics": metrics,
    }


def changed_params(params: object, defaults: Mapping[str, Any]) -> dict[str, list[Any]] | None:
    """Return by dotted name what differs from the defaults: the default and what was used."""
    if not isinstance(params, Mapping):  # the file of an earlier commit holds none
        return None
    changed = params_diff(defaults, params)
    return {name: [change.old, change.new] for name, change in changed.items()}


def _recorded(root: Path, bundle: str) -> tuple[str, Lock]:
    found = None
    for commit, text in git.earlier_versions(root / layout.LOCK):  # the newest first
        if bundle in text:
            with suppress(RepositoryError):  # a broken lock was committed once
                lock = Lock.parse(text)
                found = (commit, lock) if lock.md5(layout.BUNDLE) == bundle else found
    if found is None:
        raise ArtifactError(
            f"A commit must record the bundle in its dvc.lock. Received: none with {bundle}. "
            "Try: git commit dvc.lock after dvc repro, or git fetch --unshallow."
        )
    return found
