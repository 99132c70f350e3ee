"""The stages of a clone: what is stale, and DVC's commands, whose output goes to the terminal."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dvc.output import Output
from dvc.repo import Repo
from dvc.stage import Stage
from dvc_data.hashfile import check

from issuesum.errors import ArtifactError, GateError, RepositoryError
from issuesum.layout import EVALUATE_STAGE, RUNS
from issuesum.lineage.dvc import hashed, open_repo
from issuesum.lineage.runs import record as runs


@dataclass(frozen=True)
class Pipeline:
    """The stages of a clone. Each command is given the descriptor `held`, and so holds the lock.

    Methods raise GateError if the gate refuses the model, ArtifactError if a stage fails, and
    RepositoryError if the remote does not give or take what it should.
    """

    root: Path
    held: int
    variables: Mapping[str, str] = field(default_factory=dict)  # for the stages

    def force(self, stage: str) -> None:
        """Run a stage that DVC does not take for stale."""
        with _repository(self.root) as repo:
            deps = (dep for each in repo.index.stages if _name(each) == stage for dep in each.deps)
            absent = [dep.def_path for dep in deps if not dep.exists]
        if absent and self._dvc("pull", *absent):
            raise RepositoryError(
                f"The DVC remote must have {', '.join(absent)}. Received: dvc pull failed, see "
                "above. Try: dvc push where it was made."
            )
        self.repro("--force", "--single-item", stage)

    def experiment(self, overrides: Sequence[str]) -> None:
        """Record an experiment, in a folder of its own, from what was pushed with the run-cache."""
        options = (part for override in overrides for part in ("--set-param", override))
        if self._dvc("exp", "run", "--temp", "--pull", *options, EVALUATE_STAGE):
            raise ArtifactError(
                f"DVC must record the experiment {' '.join(overrides)}. Received: dvc exp run "
                "failed, see above. Try: the same again: what is done is not done twice."
            )

    def push(self, *what: str) -> None:
        """Send what the remote lacks, by the targets and options of `dvc push`."""
        if self._dvc("push", "--quiet", *what):
            raise RepositoryError(
                "The DVC remote must take what was made. Received: dvc push failed, see above; "
                "nothing is lost. Try: the same again, which continues from here."
            )

    def repro(self, *arguments: str) -> None:
        """Run `dvc repro` with options and targets."""
        folder = self.root / RUNS
        known = {run.id for run in runs.read_all(folder)}
        if not self._dvc("repro", *arguments):
            return
        ended = (run for run in runs.read_all(folder) if run.id not in known)
        reason = "dvc repro failed, see above."
        if failed := next((run for run in ended if run.state != "done"), None):
            error = failed.error or "its process ended without an error."
            if runs.is_refusal(error):
                raise GateError(error)
            reason = f"{failed.stage}: {error.partition(' Try: ')[0]}"
        raise ArtifactError(
            f"Every stage must run. Received: {reason} "
            "Try: fix that, then the same again: what is done is not done twice."
        )

    def _dvc(self, *arguments: str) -> int:
        """Run `dvc` and return its exit code; it prints where errors go, as stdout may be JSON."""
        here = Path(sys.executable).parent  # by the python of PATH where there is no .venv
        path = f"{here}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        sys.stderr.flush()
        return subprocess.run(
            [sys.executable, "-m", "dvc", *arguments], cwd=self.root, check=False,
            env={**os.environ, "PATH": path, **self.variables}, stdout=sys.stderr.fileno(),
            pass_fds=(self.held,),
        ).returncode  # fmt: skip


def stale_stages(root: Path) -> list[str]:
    """Return the names of stages that are to be run, in no order; without those that follow.

    What dvc.lock records and is not here is not stale, as it can be pulled, but for files that Git
    keeps. RepositoryError: there is no DVC repository, it is broken, or another command is at work.
    """
    with _repository(root) as repo:
        stages = repo.index.stages
        return [
            _name(stage)
            for stage in stages
            if stage.changed(allow_missing=True, upstream=stages) or _lacks_output(stage)
        ]


def stages_without_output(root: Path) -> list[str]:
    """Return the stages with a missing output that Git should keep: not run by DVC for that."""
    with _repository(root) as repo:
        return [_name(stage) for stage in repo.index.stages if _lacks_output(stage)]


def settle(root: Path) -> None:
    """Make outputs that differ from dvc.lock, as after `git pull`, what it records, or remove them.

    An output that is removed is pulled where a stage needs it. RepositoryError: data differs from
    its .dvc file and is nowhere else.
    """
    with _repository(root) as repo:
        for out in repo.index.outs:
            if out.use_cache and out.hash_info and out.exists and out.changed_checksum():
                if out.stage.is_data_source:
                    _check_copy(out, repo)
                if out.changed_cache():
                    out.remove()
                else:
                    out.checkout(force=True)


def _check_copy(out: Output, repo: Repo) -> None:
    try:
        check(repo.cache.local, hashed(repo, out.fs_path)[1])
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
    advice = "dvc status; a broken dvc.lock comes back by git checkout dvc.lock"
    with open_repo(root, "DVC must know what is stale", advice) as repo, repo.lock:
        yield repo
