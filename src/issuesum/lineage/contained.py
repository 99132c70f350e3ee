"""That a tree which an image names keeps to itself: nothing runs and nothing is written elsewhere.

An image can name any Git repository. DVC obeys what is in there: its configuration may name
programs that give credentials, and an output below a link is written where the link leads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from issuesum.errors import ArtifactError

_GIT = ".git"
_CONFIGS = (".dvc/config", ".dvc/config.local")
# What says where data is and how it is stored. All else is refused unread: `bearer_token_command`
# is a command, `configpath` may name a file with one, `site_cache_dir` holds pickles.
_CORE = {
    "remote", "analytics", "autostage", "check_update", "checksum_jobs", "hardlink_lock",
    "interactive", "no_scm",
}  # fmt: skip
_CACHE = {"dir", "protected", "shared", "slow_link_warning", "type", "verify"}
_REMOTE = {
    "account_name", "acl", "allow_anonymous_login", "checksum_jobs", "connect_timeout",
    "endpointurl", "jobs", "listobjects", "port", "profile", "projectname", "read_timeout",
    "region", "sse", "sse_kms_key_id", "timeout", "url", "use_ssl", "user", "verify",
    "version_aware", "worktree",
}  # fmt: skip


def check_contained(tree: Path, root: Path) -> None:
    """Refuse a tree that would have DVC run something, or write outside of it.

    Args:
        tree: the top of the working tree.
        root: of the project in it.

    Raises:
        ArtifactError: a link leads out of the tree or into .git, or the configuration of DVC has
            more than where data is.
    """
    top = tree.resolve()
    for link in _links(tree):
        target = Path(os.path.realpath(link))  # `resolve` fails where links go round
        if not target.is_relative_to(top) or _GIT in target.relative_to(top).parts:
            raise _refused(f"the link {link.relative_to(tree)} to {link.readlink()}", tree)
    for name in _CONFIGS:
        for key in _settings(root / name):
            raise _refused(f"{key} in {name}", tree)


def _links(tree: Path) -> Iterator[Path]:
    for folder, folders, files in tree.walk():
        if _GIT in folders:
            folders.remove(_GIT)
        yield from (path for name in (*folders, *files) if (path := folder / name).is_symlink())


def _settings(path: Path) -> Iterator[str]:
    """Yield the settings that are not among those that may be."""
    from dvc.config import Config

    if not path.exists():
        return
    found: dict[str, Any] = Config.load_file(str(path))
    allowed = {"core": _CORE, "cache": _CACHE}
    for section, values in found.items():
        if section == "remote":
            for name, settings in values.items():
                yield from (f"remote.{name}.{key}" for key in settings.keys() - _REMOTE)
        else:
            yield from (f"{section}.{key}" for key in values.keys() - allowed.get(section, set()))


def _refused(what: str, tree: Path) -> ArtifactError:
    return ArtifactError(
        f"The code of an image must keep to its own folder and run nothing. Received: {what}, "
        f"which would not, in {tree}. Try: git clone, look at it, and dvc pull there."
    )
