"""What DVC knows: the hash of a folder and the outputs that dvc.lock records."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import yaml

from issuesum.errors import ArtifactError, RepositoryError, one_line


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
    path = root / "dvc.lock"
    try:
        return hashes_in_lock(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RepositoryError(
            f"{path} must be DVC's lock. Received: {one_line(error)}. Try: dvc repro."
        ) from error


def hashes_in_lock(text: str) -> dict[str, str]:
    """Return the hashes that a dvc.lock with this text records, by path.

    Raises:
        ValueError: this is no lock.
    """
    try:
        stages: dict[str, Any] = yaml.safe_load(text)["stages"]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        msg = f"no stages ({type(error).__name__})"
        raise ValueError(msg) from error
    hashes: dict[str, str] = {}
    for kind in ("deps", "outs"):
        for stage in stages.values():
            hashes.update({item["path"]: item["md5"] for item in stage.get(kind, ())})
    return hashes
