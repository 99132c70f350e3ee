"""What DVC records about a data file, and having it record the file as it is now."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from issuesum.errors import RepositoryError, one_line
from issuesum.lineage import git

if TYPE_CHECKING:
    from dvc.repo import Repo


def recorded(path: Path) -> str | None:
    """Return the md5 that `path`.dvc records, None without such a file.

    Raises:
        RepositoryError: `path` is outside of any DVC repository, or its .dvc file is broken.
    """
    with _repository(path) as repo:
        return _recorded(repo, path)


def check_replaceable(path: Path, *, append: bool, force: bool) -> None:
    """Make sure that replacing a data file loses nothing that DVC holds no copy of.

    Args:
        path: the data file.
        append: whether its present rows are to be kept, so that they must be there.
        force: skip every check but that there is a repository.

    Raises:
        RepositoryError: `path` is outside of any DVC repository or relative to another folder than
            its root, is not what its .dvc file records, or is to be appended to and was not pulled.
    """
    with _repository(path) as repo:
        root = Path(repo.root_dir)
        known = _recorded(repo, path)
        cached = known is not None and repo.cache.local.exists(known)
    if root != Path.cwd() and not path.is_absolute():
        raise RepositoryError(
            f"The command must run at the root of the repository. Received: {Path.cwd()}. "
            f"Try: cd {root}, or an absolute --output."
        )
    if force:
        return
    if path.exists() and md5(path) != known:
        found = "other bytes" if known else "a file that was never tracked"
        raise RepositoryError(
            f"{path} must be what {_pointer(path)} records before it is replaced. Received: "
            f"{found}. Try: dvc add {path} to keep it first, or --force."
        )
    if path.exists() and not cached:
        track(path)  # the cache was cleared: this file is the only copy, so it is kept there first
    if append and known and not path.exists():
        raise RepositoryError(
            f"{path} must be there for rows to be appended. Received: only {_pointer(path)}. "
            f"Try: dvc pull {path}."
        )


def track(path: Path) -> str:
    """Have DVC record `path` as it is now, as `dvc add` does, and return the md5.

    Raises:
        RepositoryError: DVC refuses, for example because another command holds its lock.
    """
    with _repository(path) as repo:
        repo.scm_context.quiet = True
        repo.add(str(path.absolute()))
        return str(_recorded(repo, path))


def md5(path: Path) -> str:
    """Return the md5 of the bytes of `path`, the hash that DVC calls files by."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _recorded(repo: Repo, path: Path) -> str | None:
    pointer = _pointer(path)
    if not pointer.exists():
        return None
    (output,) = repo.stage.load_one(str(pointer)).outs
    return str(output.hash_info.value)


def _pointer(path: Path) -> Path:
    return path.with_name(f"{path.name}.dvc")


@contextmanager
def _repository(path: Path) -> Iterator[Repo]:
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.repo import Repo

    folder = path.absolute().parent
    while not folder.is_dir():
        folder = folder.parent
    git.top(folder)  # raises if it is another user's, before anything is read or written
    try:
        with Repo(Repo.find_root(str(folder))) as repo:
            yield repo
    except NotDvcRepoError as error:
        raise RepositoryError(
            f"{path} must be inside a DVC repository. Received: {folder}. "
            "Try: run the command at the repository's root, or git init and dvc init."
        ) from error
    except DvcException as error:
        raise RepositoryError(
            f"DVC must be able to track {path}. Received: {one_line(error)}. Try: dvc add {path}."
        ) from error
