"""Copies of this repository, in which tests run the real pipeline.

Not importable as `tests.…`: seldon-core installs a package of that name.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import logging
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import yaml

ROOT = Path(__file__).parents[2]
TINY = {
    "split": {"shard_rows": 150},
    "preprocess": {
        "body": {"keep_n": 300, "padding_maxlen": 24},
        "title": {"keep_n": 150, "padding_maxlen": 6},
    },
    "train": {
        "embedding_dim": 8,
        "hidden_units": 8,
        "epochs": 1,
        "batch_size": 64,
        "checkpoint_steps": 1,
    },
    "build": {"parity_rows": 8, "decoding": {"max_words": 6}},
    "evaluate": {
        "max_rows": 30,
        "examples": 5,
        "gate": {
            "min_rouge_l": 0.0,
            "min_over_lead": -100,
            "min_over_neighbour": -100,
            "max_regression": 100,
        },
    },
}
"""params.yaml so small that a stage's time is mostly that of its imports."""

STAND_IN = """\
case $1 in
  train) of=data/features/train outs="eval/train models/trained" ;;
  build) of=models/trained outs=serving/bundle ;;
  *) exec python -m issuesum.stages "$1" ;;
esac
for out in $outs; do
  mkdir -p "$out"
  cp -R "tmp/earlier/$out/." "$out"
  cat "$of"/* | md5sum >"$out/made-from"
done
"""
"""As tools/stage: what train and build make is of an earlier run, with a sum of their inputs."""


def merge(values: dict, changes: dict) -> dict:
    return {
        key: merge(value, changes.get(key, {}))
        if isinstance(value, dict)
        else changes.get(key, value)
        for key, value in values.items()
    }


class Project:
    """A copy of this repository, with its own Git history and DVC cache."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # A copy has no .venv: stages are run by the python of PATH, this one, and the copy's code.
        self.env = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(path / "src"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "DVC_NO_ANALYTICS": "1",
        }

    def copy(self, target: Path) -> Project:
        """Return a copy of everything, history, outputs and cache included."""
        shutil.copytree(self.path, target, symlinks=True)
        return Project(target)

    def run(self, *command: str, ok: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy; its output is in the message if it fails."""
        done = subprocess.run(
            command,
            cwd=self.path,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            check=False,
        )
        return _checked(done, ok=ok)

    def stage(self, name: str, *, ok: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a stage as `python -m` does, by the code of ROOT and in this process.

        Imports take a new process longer than a stage takes for a few hundred rows. What processes
        that the stage starts print is not in the result.
        """
        from issuesum.stages import runner

        body = importlib.import_module(f"issuesum.stages.{name}").main
        return self._run_here(("stage", name), lambda: runner.run(name, body), ok=ok, env=env)

    def issuesum(
        self, *arguments: str, ok: bool = True, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run our command, by the code of ROOT and in this process."""
        from issuesum.cli import main

        return self._run_here(("issuesum", *arguments), main, ok=ok, env=env)

    def dvc(self, *arguments: str, ok: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        """Run DVC's command in this process; what a stage prints is not in the result."""

        def call() -> None:
            from dvc.cli import main
            from dvc.logger import set_loggers_level
            from dvc.ui import ui

            handlers = logging.getLogger("dvc").handlers
            with contextlib.ExitStack() as stack:
                # They have the streams of when DVC was imported, and our code has it log errors.
                for handler in handlers:
                    stream = sys.stderr if handler.level == logging.WARNING else sys.stdout
                    stack.enter_context(mock.patch.object(handler, "stream", stream))
                stack.enter_context(set_loggers_level(logging.INFO))
                stack.enter_context(mock.patch.object(ui, "_enabled", new=False))  # as it was
                sys.exit(main(list(arguments)))

        env["DVC_TEST"] = "true"  # or it prints JSON to what was stdout when it was imported
        return self._run_here(("dvc", *arguments), call, ok=ok, env=env)

    def _run_here(
        self, command: tuple[str, ...], call: Callable[[], None], *, ok: bool, env: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        code, out, err = 0, io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.path),
            mock.patch.dict(os.environ, {**self.env, **env}, clear=True),
            mock.patch.object(sys, "argv", list(command)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(action="ignore"),
        ):
            try:
                call()
            except SystemExit as ended:
                code = int(ended.code or 0)
            # What a process would take with it: a socket found later is the error of another test.
            gc.collect()
        done = subprocess.CompletedProcess(command, code, out.getvalue(), err.getvalue())
        return _checked(done, ok=ok)

    def start(self, *command: str, **env: str) -> subprocess.Popen[str]:
        """Start a command in the copy and return its process, whose output can be read."""
        return subprocess.Popen(
            command,
            cwd=self.path,
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def init(self) -> None:
        """Make the folder, if it is not there, a Git repository."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.run("git", "init", "--quiet", "--initial-branch=main")

    def commit(self, message: str) -> str:
        """Commit everything that Git does not ignore and return the commit."""
        self.run("git", "add", "--all")
        who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        self.run("git", *who, "commit", "--quiet", "--allow-empty", "--message", message)
        return self.run("git", "rev-parse", "HEAD").stdout.strip()

    def repro(self, *arguments: str, **env: str) -> list[str]:
        """Run `dvc repro` and return the stages whose command was run."""
        done = self.dvc("repro", *arguments, **env)
        return [line.split("'")[1] for line in done.stdout.splitlines() if "Running stage" in line]

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        """Replace the text of a file, which must change."""
        path = self.path / name
        before = path.read_text(encoding="utf-8")
        after = change(before)
        assert before != after, f"{name} was to be changed"
        path.unlink()  # DVC may have made it a read-only link into its cache
        path.write_text(after, encoding="utf-8")

    def stand_in_for_training(self) -> None:
        """Have train and build take what they made last, which is of no commit then."""
        for out in ("eval/train", "models/trained", "serving/bundle"):
            shutil.copytree(self.path / out, self.path / "tmp/earlier" / out)
        self.edit("tools/stage", lambda _: STAND_IN)

    def lock(self) -> dict:
        """Return the stages of dvc.lock."""
        return yaml.safe_load((self.path / "dvc.lock").read_text(encoding="utf-8"))["stages"]


def _checked(
    done: subprocess.CompletedProcess[str], *, ok: bool
) -> subprocess.CompletedProcess[str]:
    if ok:
        assert done.returncode == 0, f"{done.args}: {done.stdout}\n{done.stderr}"
    return done


def copy_project(target: Path) -> Project:
    """Copy the files that Git tracks or would track, without history and without outputs."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    for name in ("dvc.lock", "eval/metrics.json", "serving/image.json"):
        (target / name).unlink(missing_ok=True)
    project = Project(target)
    project.init()
    return project


def pushed_project(target: Path, params: str, remote: str) -> Project:
    """Copy the files, and push what training needs to a folder of its own in the bucket.

    In one that is shared, the model may come from another test.
    """
    project = copy_project(target)
    (project.path / "params.yaml").write_text(params, encoding="utf-8")
    project.edit(".dvc/config", lambda text: text.replace("//issuesum/", f"//issuesum/{remote}/"))
    project.issuesum("sample", "--rows", "300", "--force")
    project.repro("preprocess")
    project.dvc("push")
    project.commit("data")
    return project
