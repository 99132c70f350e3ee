"""That a tree which an image names keeps to itself: nothing runs and nothing is written elsewhere.

An image can name any Git repository. DVC obeys what is in there: its configuration may name
programs that give credentials, and an output below a link is written where the link leads. Git
obeys any folder that looks like a repository, which needs no name that Git would not commit. An
ArtifactError names what is refused.
"""

import json
import os
import re
import tempfile
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from dvc.config import Config
from dvc.fs import localfs
from dvc.output import Output
from dvc.repo import Repo

from issuesum.errors import ArtifactError
from issuesum.lineage.dvc import dotted, md5_of

_GIT = ".git"
# By what Git knows a repository; a `commondir` says where its objects and refs are instead.
_BARE = ({"head", "objects", "refs"}, {"head", "commondir"})
_HEADS = {"head", "commondir"}  # without which a project's folder looks like no repository
_LEADING = {_GIT, ".dvc"}  # no output is to replace what leads Git and DVC
_HASH = re.compile(r"[0-9a-f]{32}(\.dir)?")
_STATE = (".dvc/cache", ".dvc/tmp")  # which DVC believes unread: lists of files, locks, pickles
# What says where data is and how it is stored. All else is refused unread: `bearer_token_command`
# is a command, `configpath` may name a file with one, `site_cache_dir` holds pickles, and a cache's
# `dir` is written to.
_ALLOWED = re.compile(
    "core[.](remote|analytics|autostage|check_update|checksum_jobs|hardlink_lock|interactive|no_scm)"
    "|cache[.](protected|slow_link_warning|type|verify)"
    "|remote[.].+[.](account_name|acl|allow_anonymous_login|checksum_jobs|connect_timeout"
    "|endpointurl|jobs|listobjects|port|profile|projectname|read_timeout|region|sse|sse_kms_key_id"
    "|timeout|url|use_ssl|user|verify|version_aware|worktree)"
)


def check_contained(tree: Path, root: Path) -> None:
    """Refuse a tree that would have Git or DVC run something, or DVC write outside of it.

    It would where a link leads out of the tree or into .git, the project is within what Git takes
    for a repository, or the configuration of DVC has more than where data is. Neither is to be
    asked anything below the top of the tree before, where `root` is the project.
    """
    top = tree.resolve()
    for path in tree.rglob("*"):
        if not path.is_symlink() or _GIT in path.relative_to(tree).parent.parts:
            continue
        target = Path(os.path.realpath(path))  # `resolve` fails where links go round
        if not target.is_relative_to(top) or _GIT in _folded(target.relative_to(top)):
            raise _refused(f"the link {path.relative_to(tree)} to {path.readlink()}", tree)
    for folder in (root.resolve(), *root.resolve().parents):
        if folder == top:
            break
        names = {path.name.casefold() for path in folder.iterdir()}
        if any(names >= needed for needed in _BARE):
            # Git before 2.38 has no option that would keep it from taking this for its repository.
            raise _refused(f"the bare repository {folder.relative_to(top)}", tree)
    unread = [name for name in _STATE if os.path.lexists(root / name)]
    for name in (".dvc/config", ".dvc/config.local"):
        settings = Config.load_file(str(root / name)) if (root / name).exists() else {}
        unread += [f"{key} in {name}" for key in dotted(settings) if not _ALLOWED.fullmatch(key)]
    if unread:
        raise _refused(unread[0], tree)


def check_outputs(tree: Path, root: Path) -> None:
    """Refuse outputs that DVC would write outside of the project, or over what leads it or Git.

    So are those that another repository, a database or a configuration of their own gives.
    `check_contained` comes first.
    """
    whole = root.resolve()
    with Repo(str(root)) as repo:
        for out in repo.index.outs:
            stage, path = out.stage, Path(out.fs_path)
            local = out.protocol == "local" and path.is_relative_to(whole)
            names = _folded(path.relative_to(whole)) if local else []
            elsewhere = not names or _LEADING & {*names} or names[0] in _HEADS
            if elsewhere or stage.is_repo_import or stage.is_db_import or out.files:
                raise _refused(f"the output {out}", tree)
            if any(getattr(each, "def_fs_config", None) for each in (out, *stage.deps)):
                raise _refused(f"a configuration in {stage.addressing}", tree)
            if out.hash_info and not _HASH.fullmatch(str(out.hash_info.value)):
                raise _refused(f"the hash of the output {out}", tree)  # a path in the cache


def fetch_list(repo: Repo, out: Output) -> bool:
    """Put the list of a directory output in the cache, where DVC takes it instead of fetching it.

    DVC writes each file where the list says, also above the output: such a list is refused. The
    cache of `repo` holds nothing that came with the tree; `out` has a hash. Returns whether the
    output may be pulled: not if its list is not available, since another may come when DVC asks.
    """
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
    if md5_of(content) != digest.removesuffix(".dir"):
        return False
    try:
        entries = json.loads(content)
    except (ValueError, RecursionError):
        entries = None
    if not isinstance(entries, list) or not all(map(_stays, entries)):
        raise _refused(f"the list of the output {out}", Path(repo.root_dir))
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        path = Path(folder) / "list"
        path.write_bytes(content)
        out.cache.add(str(path), localfs, digest)
    return True


def _stays(entry: Any) -> bool:  # noqa: ANN401 -- whatever JSON holds
    # As DVC writes them: a hash, and a path below the output.
    if not isinstance(entry, dict) or entry.keys() != {"md5", "relpath"}:
        return False
    path = str(entry["relpath"])
    names = {*path.split("/"), *_folded(PurePosixPath(path))}
    hashed = re.fullmatch("[0-9a-f]{32}", str(entry["md5"]))
    return bool(hashed) and not names & {"", ".", "..", *_LEADING}


def _folded(path: PurePath) -> list[str]:
    # As a file system compares them that ignores case.
    return [part.casefold() for part in path.parts]


def _refused(what: str, tree: Path) -> ArtifactError:
    return ArtifactError(
        f"The code of an image must keep to its own folder and run nothing. Received: {what}, "
        f"which would not, in {tree}. Try: git clone, look at it, and dvc pull there."
    )
