"""The stages of a clone: what is stale, and DVC's commands, whose output goes on to the terminal.

`dvc` is imported inside the functions: it takes most of a second.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from issuesum.errors import ArtifactError, GateError, RepositoryError, one_line
from issuesum.layout import RUNS
from issuesum.lineage.runs import record as runs

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.repo import Repo
    from dvc.stage import Stage


@dataclass(frozen=True)
class Pipeline:
    """The stages of a clone."""

    root: Path
    held: int
    """A descriptor that each command is handed, so that it holds the lock while it runs."""

    def reproduce(self) -> None:
        """Run what is stale; of what is in the remote alone only that is fetched which is needed.

        Raises:
            GateError: the gate refuses the model.
            ArtifactError: a stage fails.
        """
        self._repro("--pull", "--allow-missing")

    def force(self, stage: str) -> None:
        """Run a stage that DVC does not take for stale.

        Raises:
            GateError: the gate refuses the model.
            ArtifactError: it fails.
            RepositoryError: what it reads is neither here nor in the remote.
        """
        with _repository(self.root) as repo:
            named = [each for each in repo.index.stages if _name(each) == stage]
            absent = [dep.def_path for each in named for dep in each.deps if not dep.exists]
        if absent and self._dvc("pull", *absent):
            raise RepositoryError(
                f"The DVC remote must have {', '.join(absent)}. Received: dvc pull failed, see "
                "above. Try: dvc push where it was made."
            )
        self._repro("--force", "--single-item", stage)

    def share(self) -> None:
        """Send everything that dvc.lock names, and what lets others skip the same runs.

        Raises:
            RepositoryError: the remote does not take it.
        """
        if self._dvc("push", "--quiet", "--run-cache"):
            raise RepositoryError(
                "The DVC remote must take what was made. Received: dvc push failed, see above; "
                "nothing is lost. Try: the same again, which goes on from here."
            )

    def _repro(self, *arguments: str) -> None:
        folder = self.root / RUNS
        known = {run.id for run in runs.read_all(folder)}
        if not self._dvc("repro", *arguments):
            return
        new = [run for run in runs.read_all(folder) if run.id not in known]
        failed = next((run for run in new if run.state != "done"), None)
        reason = "dvc repro failed, see above."
        if failed:
            said = failed.error or "its process ended without a word."
            if runs.is_refusal(said):
                raise GateError(said)
            reason = f"{failed.stage}: {said.partition(' Try: ')[0]}"
        raise ArtifactError(
            f"Every stage must run. Received: {reason} "
            "Try: mend that, then the same again: what is done is not done twice."
        )

    def _dvc(self, *arguments: str) -> int:
        """Run `dvc` and return its exit code; it prints where errors go, as stdout may be JSON."""
        here = Path(sys.executable).parent  # stages are started as `python -m …`
        path = f"{here}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        sys.stderr.flush()
        return subprocess.run(
            [sys.executable, "-m", "dvc", *arguments],
            cwd=self.root,
            env={**os.environ, "PATH": path},
            stdout=sys.stderr.fileno(),
            check=False,
            pass_fds=(self.held,),
        ).returncode


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


def stages_without_output(root: Path) -> list[str]:
    """Return the stages with a missing output that Git should keep: DVC does not run them for that.

    Raises:
        RepositoryError: see `stale_stages`.
    """
    with _repository(root) as repo:
        return [_name(stage) for stage in repo.index.stages if _lacks_output(stage)]


def settle(root: Path) -> None:
    """Make outputs that differ from dvc.lock, as after `git pull`, what it records, or remove them.

    An output that is removed is pulled where a stage needs it. Data that has no other copy stays.

    Raises:
        RepositoryError: data differs from its .dvc file and is nowhere else, or see `stale_stages`.
    """
    with _repository(root) as repo:
        for stage in repo.index.stages:
            for out in stage.outs:
                if out.use_cache and out.hash_info and out.exists and out.changed_checksum():
                    if stage.is_data_source:
                        _check_copy(out, repo)
                    if out.changed_cache():
                        out.remove()
                    else:
                        out.checkout(force=True)


def _check_copy(out: Output, repo: Repo) -> None:
    """Make sure that the cache holds a file as it is now."""
    from dvc_data.hashfile import check
    from dvc_data.hashfile.build import build

    local = repo.cache.local
    _, _, found = build(local, out.fs_path, out.fs, "md5", ignore=repo.dvcignore, dry_run=True)
    try:
        check(local, found)
    except Exception as error:
        pointer = _name(out.stage)
        raise RepositoryError(
            f"What {pointer} tracks must be as it records. Received: other bytes, of which "
            f"there is no copy. Try: issuesum ingest, or dvc commit {pointer} and git commit."
        ) from error


def _lacks_output(stage: Stage) -> bool:
    return any(not out.use_cache and not out.exists for out in stage.outs)


def _name(stage: Stage) -> str:
    """Return the name in dvc.yaml, or the path of the .dvc file, whatever the working folder is."""
    return str(getattr(stage, "name", None) or stage.path_in_repo)


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
            f"DVC must tell what is stale. Received: {one_line(error)}. "
            "Try: dvc status; a broken dvc.lock comes back by git checkout dvc.lock."
        ) from error
