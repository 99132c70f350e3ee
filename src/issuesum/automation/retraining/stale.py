"""What is stale, told in a second, and a workspace in which it can be made anew."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from issuesum.errors import RepositoryError, one_line

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.repo import Repo
    from dvc.stage import Stage


def stale_stages(root: Path) -> list[str]:
    """Return the names of stages that are to be run, in no order; without those that follow.

    What dvc.lock records and is not here is not stale: it can be pulled. But files that Git keeps
    must be there.

    Raises:
        RepositoryError: there is no DVC repository, it is broken, or another command is at work.
    """
    with _repository(root) as repo:
        stages = repo.index.stages
        return [
            _name(stage)
            for stage in stages
            if stage.changed(allow_missing=True, upstream=stages) or _lacks_output(stage)
        ]


def settle(root: Path) -> None:
    """Let outputs that differ from dvc.lock, as after `git pull`, be what it records, or be away.

    An output that is away is pulled where a stage needs it. Data that nobody has a copy of stays
    as it is.

    Raises:
        RepositoryError: data differs from its .dvc file and is nowhere else, or see `stale_stages`.
    """
    with _repository(root) as repo:
        for stage in repo.index.stages:
            for out in stage.outs:
                if out.use_cache and out.hash_info and out.exists and out.changed_checksum():
                    _settle(out, repo, is_data=stage.is_data_source)


def stages_without_output(root: Path) -> list[str]:
    """Return the stages with a missing output that Git should keep: DVC does not run them for that.

    Raises:
        RepositoryError: see `stale_stages`.
    """
    with _repository(root) as repo:
        return [_name(stage) for stage in repo.index.stages if _lacks_output(stage)]


def missing_dependencies(stage: str, root: Path) -> list[str]:
    """Return the paths that a stage reads and that are not here.

    Raises:
        RepositoryError: see `stale_stages`.
    """
    with _repository(root) as repo:
        return [
            dep.def_path
            for each in repo.index.stages
            if _name(each) == stage
            for dep in each.deps
            if not dep.exists
        ]


def _lacks_output(stage: Stage) -> bool:
    return any(not out.use_cache and not out.exists for out in stage.outs)


def _name(stage: Stage) -> str:
    """Return the name in dvc.yaml, or the path of the .dvc file, whatever the working folder is."""
    return str(getattr(stage, "name", None) or stage.path_in_repo)


def _settle(out: Output, repo: Repo, *, is_data: bool) -> None:
    from dvc_data.hashfile import check
    from dvc_data.hashfile.build import build

    if is_data:
        _, _, found = build(
            repo.cache.local, out.fs_path, out.fs, "md5", ignore=repo.dvcignore, dry_run=True
        )
        try:
            check(repo.cache.local, found)
        except Exception as error:
            pointer = _name(out.stage)
            raise RepositoryError(
                f"What {pointer} tracks must be as it records. Received: other bytes, of which "
                f"there is no copy. Try: issuesum ingest, or dvc commit {pointer} and git commit."
            ) from error
    if out.changed_cache():
        out.remove()
    else:
        out.checkout(force=True)


@contextmanager
def _repository(root: Path) -> Iterator[Repo]:
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)
    try:
        with Repo(str(root)) as repo, repo.lock:
            yield repo
    except NotDvcRepoError as error:
        raise RepositoryError(
            f"{root.resolve()} must be a DVC repository. Received: no .dvc folder. Try: dvc init."
        ) from error
    except DvcException as error:
        raise RepositoryError(
            f"DVC must tell what is stale. Received: {one_line(error)}. Try: dvc status."
        ) from error
