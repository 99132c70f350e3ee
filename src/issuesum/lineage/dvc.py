"""What DVC knows: the hash of a folder and the outputs that dvc.lock records."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import yaml

from issuesum.errors import ArtifactError, RepositoryError, one_line
from issuesum.lineage.git import without_secrets
from issuesum.lineage.provenance.dotted import dotted


def hash_of(path: Path, root: Path) -> str:
    """Return DVC's hash of a file or folder as it is now, by DVC's own code.

    Raises:
        ArtifactError: there is nothing at `path`.
        RepositoryError: `root` is no DVC repository.
    """
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo
    from dvc_data.hashfile.build import build

    if not path.exists():
        raise ArtifactError(f"{path} must exist. Received: nothing there. Try: dvc repro.")
    logging.getLogger("dvc").setLevel(logging.ERROR)
    try:
        with Repo(str(root)) as repo:
            _, _, found = build(
                repo.cache.local,
                str(path.resolve()),
                repo.fs,
                "md5",
                ignore=repo.dvcignore,
                dry_run=True,
            )
    except NotDvcRepoError as error:
        raise RepositoryError(
            f"{root.resolve()} must be a DVC repository. Received: no .dvc folder. Try: dvc init."
        ) from error
    return str(found.hash_info.value)


def locked_hashes(root: Path) -> dict[str, str]:
    """Return the hash of every dependency and output that dvc.lock records, by path.

    An output's own record goes before what later stages saw of it.

    Raises:
        RepositoryError: dvc.lock is missing or broken.
    """
    return {path: str(item["md5"]) for path, item in recorded_items(read_lock(root)).items()}


def read_lock(root: Path) -> str:
    """Return the text of dvc.lock.

    Raises:
        RepositoryError: there is none.
    """
    path = root / "dvc.lock"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(type(error).__name__) from error


def recorded_params(lock: str) -> dict[str, Any]:
    """Return the params by which each stage of a lock was run, by dotted names."""
    found: dict[str, Any] = {}
    stages = (yaml.safe_load(lock) or {}).get("stages") or {}
    for entry in stages.values():
        for content in (entry.get("params") or {}).values():
            found |= dotted(content)
    return found


def recorded_items(lock: str) -> dict[str, dict[str, Any]]:
    """Return what the text of a dvc.lock records of each path.

    An output's own record goes before what later stages saw of it.

    Returns:
        By path, DVC's fields (`md5`, `size`, `nfiles`), and `stage`: what made it, or None.

    Raises:
        RepositoryError: it is broken.
    """
    items: dict[str, dict[str, Any]] = {}
    try:
        stages: dict[str, Any] = yaml.safe_load(lock)["stages"]
        for kind in ("deps", "outs"):
            for name, stage in stages.items():
                made_by = name if kind == "outs" else None
                for item in stage.get(kind, ()):
                    items[item["path"]] = {**item, "md5": item["md5"], "stage": made_by}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise _broken(type(error).__name__) from error
    return items


def default_remote(root: Path) -> dict[str, str | None] | None:
    """Return where DVC's default remote is; of its settings only those that are no secret.

    Returns:
        `url`, `endpointurl` and `region`, or None without a remote.

    Raises:
        RepositoryError: `root` is no DVC repository, or its configuration is broken.
    """
    from dvc.config import Config, ConfigError

    try:
        config = Config(dvc_dir=str(root / ".dvc"))
    except ConfigError as error:
        raise RepositoryError(
            f"DVC's configuration must be readable. Received: {one_line(error)}. "
            "Try: dvc config --list --show-origin."
        ) from error
    settings = config["remote"].get(config["core"].get("remote"))
    if not settings:
        return None
    urls = {key: settings.get(key) for key in ("url", "endpointurl")}
    safe = {key: without_secrets(str(url)) if url else None for key, url in urls.items()}
    return {**safe, "region": settings.get("region")}


def _broken(reason: str) -> RepositoryError:
    return RepositoryError(f"dvc.lock must be DVC's lock. Received: {reason}. Try: dvc repro.")
