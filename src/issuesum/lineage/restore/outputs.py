"""The outputs that dvc.lock and .dvc files record, and how they come back."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import yaml

from issuesum.errors import ArtifactError, one_line
from issuesum.files import replacing_file
from issuesum.layout import RECEIPT
from issuesum.lineage import git
from issuesum.lineage.restore.directories import fetch_list
from issuesum.lineage.tracking import md5

_METRICS = "eval/metrics.json"
_LOCK = "dvc.lock"
_EXPORT = "export"


def write_kept(root: Path, metrics: dict[str, Any]) -> list[str]:
    """Bring back what Git keeps and DVC does not (`cache: false`), with the bytes of dvc.lock.

    They are often committed after the image was made, so every branch is searched for them.

    Args:
        root: of a working tree with the dvc.lock of the image.
        metrics: of the provenance, which holds them in any case.

    Returns:
        Those that cannot be had, as `path (md5)`.
    """
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        kept = {
            Path(out.fs_path).relative_to(root.resolve()).as_posix(): out.hash_info.value
            for out in repo.index.outs
            if not out.use_cache and out.hash_info
        }
    lost = []
    for path, digest in sorted(kept.items()):
        if path != RECEIPT.as_posix() and not _write(root, path, digest, metrics):
            lost.append(f"{path} ({digest})")
    return lost


def _write(root: Path, path: str, digest: str, metrics: dict[str, Any]) -> bool:
    def fits(content: bytes) -> bool:
        return hashlib.md5(content, usedforsecurity=False).hexdigest() == digest

    target = root / path
    if target.is_file() and fits(target.read_bytes()):
        return True
    stated = json.dumps(metrics, ensure_ascii=False, indent=2) + "\n"  # as files.write_json does
    candidates = [stated.encode()] if path == _METRICS else []
    for content in (*candidates, *git.contents(root, path)):
        if fits(content):
            with replacing_file(target) as temporary:
                temporary.write_bytes(content)
            return True
    return False


def pull(root: Path, settings: dict[str, Any]) -> None:
    """Pull every output that is recorded, from raw data to bundle and reports.

    Args:
        root: of a working tree with the dvc.lock of the image.
        settings: of DVC, beside those of its files.

    Raises:
        ArtifactError: some are not in the remote, or it does not answer, or one would be written
            outside of its folder.
    """
    from dvc.repo import Repo

    reason = ""
    with Repo(str(root), config=settings) as repo:
        logging.disable()  # what DVC would log is said below; its bars are no logging
        try:
            recorded = [out for out in repo.index.outs if out.use_cache and out.hash_info]
            listed = [out.fs_path for out in recorded if fetch_list(repo, out)]
            if listed:
                repo.pull(listed if len(listed) < len(recorded) else None, allow_missing=True)
        except ArtifactError:
            raise
        except Exception as error:  # noqa: BLE001 -- DVC lets through what any file system raises
            reason = f" ({one_line(error)})"
        finally:
            logging.disable(logging.NOTSET)
        repo._reset()  # noqa: SLF001 -- as DVC's own commands do between two looks at the tree
        missing = sorted(
            f"{Path(out.fs_path).relative_to(root.resolve())} ({out.hash_info.value})"
            for out in repo.index.outs
            if out.use_cache and out.hash_info and (not out.exists or out.changed_checksum())
        )
        remote = repo.config["remote"].get(repo.config["core"].get("remote"), {})
    if missing:
        where = " at ".join(
            git.without_secrets(part) for key in ("url", "endpointurl") if (part := remote.get(key))
        )
        raise ArtifactError(
            f"The DVC remote {where} must hold all that the image was made from. Received: no "
            f"{', '.join(missing)}{reason}. Try: dvc push where it was made, AWS credentials in "
            f"the environment, or --remote; the code is in {root}, where dvc pull goes on."
        )


def find_export(root: Path) -> None:
    """Give dvc.lock the run of export that made the receipt, where a commit recorded it.

    The image's own copy of dvc.lock is older than the end of that run: what it says of export is
    of an image before, whose outputs are not to be mixed with this one's, and is removed.
    """
    from dvc.utils.serialize import modify_yaml

    receipt = {"path": RECEIPT.as_posix(), "md5": md5(root / RECEIPT)}
    found = None
    for content in git.contents(root, _LOCK):
        if receipt["md5"].encode() not in content:
            continue  # unread: there may be hundreds
        try:
            entry = (yaml.safe_load(content).get("stages") or {}).get(_EXPORT) or {}
        except (yaml.YAMLError, AttributeError):  # a lock that was committed with a conflict in it
            continue
        if any(receipt.items() <= out.items() for out in entry.get("outs", ())):
            found = entry
            break
    with modify_yaml(str(root / _LOCK)) as lock:
        lock["stages"].pop(_EXPORT, None)
        if found:
            lock["stages"][_EXPORT] = found


def record_export(root: Path) -> None:
    """Write to dvc.lock that export has run, if all that it makes is there."""
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        stages = [stage for stage in repo.index.stages if stage.addressing.endswith(_EXPORT)]
        if stages and all(out.exists for stage in stages for out in stage.outs):
            repo.commit(f"{root.resolve() / 'dvc.yaml'}:{_EXPORT}", force=True)


def stale_stages(root: Path) -> list[str]:
    """Return the stages and .dvc files that `dvc status` names."""
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        return sorted(name.rpartition("dvc.yaml:")[2] for name in repo.status())
