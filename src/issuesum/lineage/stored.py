"""A file that DVC keeps under its hash, whatever the workspace holds."""

from __future__ import annotations

from pathlib import Path

from issuesum.errors import RepositoryError, one_line


def stored_file(root: Path, md5: str) -> Path:
    """Return where DVC's cache holds a file, which the default remote gives if need be.

    The workspace is neither read nor changed.

    Args:
        root: of the repository.
        md5: DVC's hash of the file.

    Raises:
        RepositoryError: there is no DVC repository, or neither cache nor remote has the file.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc_data.hashfile.hash_info import HashInfo

    try:
        with Repo(str(root)) as repo:
            cache = repo.cache.local
            if not cache.exists(md5):
                repo.cloud.pull([HashInfo("md5", md5)])
            if not cache.exists(md5):
                raise FileNotFoundError(f"neither cache nor remote has {md5}")
            return Path(cache.oid_to_path(md5))
    except (DvcException, OSError) as error:
        raise RepositoryError(
            f"DVC must have {md5}. Received: {one_line(error)}. "
            "Try: dvc push, in the clone that made it."
        ) from error
    except Exception as error:  # each kind of remote brings error classes of its own
        raise RepositoryError(
            f"DVC's remote must be reachable for {md5}. Received: {one_line(error)}. "
            "Try: check the remote's address and your credentials."
        ) from error
