"""Records of runs, shared through the DVC remote."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from issuesum.errors import RepositoryError, one_line
from issuesum.lineage.dvc import open_repo
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

    The `folder` need not exist. A RepositoryError is raised where `root` is of no DVC repository
    with a default remote, or that cannot be used.
    """
    must, advice = "DVC must have a default remote", "dvc remote add -d NAME URL"
    with open_repo(root, must, advice) as repo:
        remote = repo.cloud.get_remote(command="push")
        try:
            return _exchange(folder, remote)
        except Exception as error:  # every storage brings error classes of its own
            place = remote.fs.unstrip_protocol(remote.fs.join(remote.path, PREFIX))
            raise RepositoryError(
                f"{place} must be readable and writable. Received: "
                f"{one_line(error) or type(error).__name__}. Try: dvc push, which needs the same."
            ) from error


def _exchange(folder: Path, remote: Remote) -> Exchanged:
    files, place = remote.fs, remote.fs.join(remote.path, PREFIX)
    here = {f"{run.id}.json" for run in read_all(folder) if run.state in FINISHED}
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
    return Exchanged(len(offered), received)
