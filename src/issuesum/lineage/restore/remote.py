"""Where a restored tree gets its data: DVC's remote, without any credentials in a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from issuesum.lineage.provenance.model import Remote

_PLACES = ("url", "endpointurl", "region")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_NAME = "storage"
"""Of the remote where the commit names none."""


def configure(root: Path, known: Remote | None, *, url: str | None) -> None:
    """Write to .dvc/config.local of `root` where the data is, if the commit says otherwise.

    First goes `url`, then the environment's endpoint, then the provenance, which knows what was in
    force when the image was made, and last the commit's own .dvc/config. Credentials come from
    the environment or from AWS' own files. Downloads are compared with their hashes in any case.

    Args:
        root: of the restored tree.
        known: `remote` of the provenance.
        url: of another remote, or its path; the known endpoint is not for that one.
    """
    from dvc.repo import Repo

    local = url is not None and "://" not in url
    found = known.model_dump() if known else {}
    if url:
        found = {"url": str(Path(url).absolute()) if local else url}
    endpoint = next(filter(None, map(os.environ.get, _ENDPOINTS)), None)
    with Repo(str(root)) as repo:
        name = repo.config["core"].get("remote") or _NAME
        committed = repo.config["remote"].get(name, {})
        values = {key: found[key] for key in _PLACES if found.get(key)}
        if endpoint and str(values.get("url") or committed.get("url")).startswith("s3://"):
            values["endpointurl"] = endpoint
        # By itself DVC takes what lies under a hash for what has it.
        values["verify"] = True
        values = {key: value for key, value in values.items() if committed.get(key) != value}
        if values:
            with repo.config.edit("local") as settings:
                settings["core"]["remote"] = name
                settings["remote"].setdefault(name, {}).update(values)


def borrowed(root: Path, owner: Path | None) -> dict[str, Any]:
    """Return what the configuration of `owner` adds for the same remote: its credentials, say.

    It is for memory only, so that no secret is copied to a second file.

    Args:
        root: of the restored tree.
        owner: the repository that it is a worktree of, or None.

    Returns:
        A configuration for DVC; empty unless both mean the same URL.
    """
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    if owner is None:
        return {}
    try:
        with Repo(str(root)) as ours, Repo(str(owner)) as theirs:
            name = ours.config["core"].get("remote")
            here = ours.config["remote"].get(name, {})
            there = theirs.config["remote"].get(name, {})
    except NotDvcRepoError:
        return {}
    if not here or any(here.get(key) != there.get(key) for key in ("url", "endpointurl")):
        return {}
    more = {key: value for key, value in there.items() if key not in here}
    return {"remote": {name: more}} if more else {}
