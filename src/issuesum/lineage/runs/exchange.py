"""Records of runs, shared through the DVC remote."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from issuesum.errors import RepositoryError, one_line
from issuesum.lineage.runs.record import FINISHED, NAME, parse, read_all, write

if TYPE_CHECKING:
    from dvc.data_cloud import Remote

PREFIX = "issuesum-runs"
"""Folder of the remote; DVC keeps its own in `files`, and passes over others when it collects."""
_AT_ONCE = 8


@dataclass(frozen=True)
class Exchanged:
    """How many records went which way."""

    sent: int
    received: int


def exchange(folder: Path, root: Path) -> Exchanged:
    """Send and fetch the records of finished runs that the other side lacks.

    Args:
        folder: of records; it need not exist.
        root: of a DVC repository with a default remote.

    Raises:
        RepositoryError: there is no repository or no default remote, or it cannot be used.
    """
    from dvc.config import NoRemoteError
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)
    try:
        with Repo(str(root)) as repo:
            return _exchange(folder, repo.cloud.get_remote(command="push"))
    except NotDvcRepoError as error:
        raise RepositoryError(
            f"{root.resolve()} must be a DVC repository. Received: no .dvc folder. Try: dvc init."
        ) from error
    except NoRemoteError as error:
        raise RepositoryError(
            "DVC must have a default remote. Received: none. Try: dvc remote add -d NAME URL."
        ) from error
    except DvcException as error:
        raise _unusable("the DVC remote", error) from error


def _exchange(folder: Path, remote: Remote) -> Exchanged:
    files, place = remote.fs, remote.fs.join(remote.path, PREFIX)
    here = {f"{run.id}.json" for run in read_all(folder) if run.state in FINISHED}
    try:
        there = {files.name(path) for path in files.find(place)} if files.exists(place) else set()
        wanted = sorted(name for name in there - here if NAME.fullmatch(name))
        offered = sorted(here - there)

        def send(name: str) -> None:
            files.put_file(str(folder / name), files.join(place, name))

        def fetch(name: str) -> bool:
            record = parse(files.cat_file(files.join(place, name)), name)
            if record:
                write(record, folder)
            return record is not None

        if offered:
            files.makedirs(place, exist_ok=True)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(send, offered))
            received = sum(pool.map(fetch, wanted))
    except Exception as error:  # every storage brings error classes of its own
        raise _unusable(files.unstrip_protocol(place), error) from error
    return Exchanged(len(offered), received)


def _unusable(place: str, error: Exception) -> RepositoryError:
    reason = one_line(error) or type(error).__name__
    return RepositoryError(
        f"{place} must be readable and writable. Received: {reason}. "
        "Try: dvc push, which needs the same."
    )
