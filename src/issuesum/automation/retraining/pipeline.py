"""DVC's commands, each a process of its own whose words go on to the terminal or the log."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from issuesum.automation.retraining.stale import missing_dependencies
from issuesum.errors import ArtifactError, GateError, RepositoryError, one_line
from issuesum.layout import RUNS
from issuesum.lineage.runs import record as runs


@dataclass(frozen=True)
class Pipeline:
    """The stages of a clone.

    Attributes:
        root: of the clone.
        held: a descriptor that each command is handed, so that it holds the lock while it runs.
    """

    root: Path
    held: int

    def reproduce(self) -> None:
        """Run what is stale; of what lies in the remote alone only that is fetched which is needed.

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
        if absent := missing_dependencies(stage, self.root):
            self.pull(*absent)
        self._repro("--force", "--single-item", stage)

    def pull(self, *paths: str) -> None:
        """Fetch outputs from the DVC remote.

        Raises:
            RepositoryError: they cannot be had.
        """
        if self._dvc("pull", *paths):
            raise RepositoryError(
                f"The DVC remote must have {', '.join(paths)}. Received: dvc pull failed, see "
                "above. Try: dvc push where it was made."
            )

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
        failed = [
            run for run in runs.read_all(folder) if run.id not in known and run.state != "done"
        ]
        said = failed[0].error or "its process ended without a word." if failed else None
        if said and runs.is_refusal(said):
            raise GateError(said)
        told = f"{failed[0].stage}: {said}" if failed else "dvc repro failed, see above."
        raise ArtifactError(
            f"Every stage must run. Received: {told.partition(' Try: ')[0]} "
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


def warned(action: Callable[[], object], of: str) -> None:
    """Do what is useful and not necessary: a failure is one line."""
    try:
        action()
    except Exception as error:  # noqa: BLE001 -- whatever it is, model and image are made
        say(f"warning: {of}: {one_line(error) or type(error).__name__}")


def say(line: str) -> None:
    """Tell what is done beside DVC's own words, which go there too."""
    from tqdm import tqdm

    tqdm.write(f"retrain: {line}", file=sys.stderr)
