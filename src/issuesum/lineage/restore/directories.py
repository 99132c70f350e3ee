"""What directory outputs list: DVC writes each file where the list says, also above its folder."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from issuesum.lineage.restore.contained import LEADING, folded, refused

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.repo import Repo

_MD5 = re.compile(r"[0-9a-f]{32}")
_ENTRY = {"md5", "relpath"}


def fetch_list(repo: Repo, out: Output) -> bool:
    """Put the list of a directory output in the cache, where DVC takes it instead of fetching it.

    Args:
        repo: DVC's, whose cache holds nothing that came with the tree (`contained`).
        out: an output with a hash; one that is a file has no list.

    Returns:
        Whether the output may be pulled: not if its list cannot be had, since another answer may
        come when DVC asks.

    Raises:
        ArtifactError: the list names files outside of the output, or what leads Git or DVC.
    """
    from dvc.fs import localfs

    if not out.is_dir_checksum:
        return True
    digest = out.hash_info.value
    try:
        stored = out.cache  # of the user, who may share one among trees
        if not stored.exists(digest):
            stored = repo.cloud.get_remote_odb(out.remote, "pull", hash_name=out.hash_name)
        content: bytes = stored.fs.cat_file(stored.oid_to_path(digest))
    except FileNotFoundError:
        return False
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != digest.removesuffix(".dir"):
        return False
    _check(content, out, Path(repo.root_dir))
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        path = Path(folder) / "list"
        path.write_bytes(content)
        out.cache.add(str(path), localfs, digest)
    return True


def _check(content: bytes, out: Output, root: Path) -> None:
    try:
        entries = json.loads(content)
        fine = isinstance(entries, list) and all(map(_stays, entries))
    except (ValueError, RecursionError):
        fine = False
    if not fine:
        raise refused(f"the list of the output {out}", root)


def _stays(entry: Any) -> bool:  # noqa: ANN401 -- whatever JSON holds
    """Return whether an entry is as DVC writes them: a hash, and a path below the output."""
    if not isinstance(entry, dict) or entry.keys() != _ENTRY:
        return False
    digest, path = str(entry["md5"]), str(entry["relpath"])
    names = path.split("/")
    odd = {"", ".", ".."} | LEADING
    return bool(_MD5.fullmatch(digest)) and not odd & {*names, *folded(PurePosixPath(path))}
