"""A clone of this repository's HEAD, in which a benchmark runs commands as users run them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from issuesum.automation.retraining.settings import with_values
from project import ROOT, inherited, say
from watched import Watched, watch

ANY_MODEL = {
    "evaluate.gate.min_rouge_l": 0,
    "evaluate.gate.min_over_lead": -100,
    "evaluate.gate.min_over_neighbour": -100,
}
"""Params with which no model is refused."""
_OF_EARLIER_RUNS = ("dvc.lock", "eval/data.json", "eval/metrics.json", "serving/image.json")
_WHO = {
    f"GIT_{role}_{key}": f"benchmark{at}"
    for role in ("AUTHOR", "COMMITTER")
    for key, at in (("NAME", ""), ("EMAIL", "@example.com"))
}


@dataclass(frozen=True)
class Clone:
    """A clone whose own code its stages run."""

    path: Path

    @classmethod
    def of_head(cls, path: Path) -> Self:
        """Clone this repository, as if it had never been run."""
        cls(path.parent).run("git", "clone", "--quiet", str(ROOT), path.name)
        made = cls(path)
        made.forget_runs()
        return made

    def forget_runs(self) -> None:
        """Remove what earlier runs committed."""
        for path in _OF_EARLIER_RUNS:
            (self.path / path).unlink(missing_ok=True)

    def change(self, values: Iterable[tuple[str, object]]) -> None:
        """Set values of params.yaml by their dotted names."""
        params = self.path / "params.yaml"
        text = with_values(params.read_text(encoding="utf-8"), list(values))
        params.write_text(text, encoding="utf-8")

    def commit(self, message: str) -> None:
        """Commit everything that Git does not ignore."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)

    def run(self, *command: str, ends_with: int | None = 0) -> float:
        """Run a command there and return its seconds, or end this process if it fails.

        Args:
            command: and its arguments.
            ends_with: the exit code that it must have; None takes any.
        """
        say(f"{' '.join(command)} in {self.path}")
        started = time.perf_counter()
        done = subprocess.run(
            command, cwd=self.path, env=self._env(), capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - started
        if ends_with is not None and done.returncode != ends_with:
            sys.exit(
                f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return seconds

    def watch(self, *command: str) -> Watched:
        """Run a command there to its end, or end this process if it fails."""
        say(f"{' '.join(command)} in {self.path}")
        return watch(*command, cwd=self.path, env=self._env())

    def _env(self) -> dict[str, str]:
        here = Path(sys.executable).parent
        return {
            **inherited(),
            **_WHO,
            "PATH": f"{here}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.path / "src"),
        }
