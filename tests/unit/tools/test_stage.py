"""tools/stage: which Python runs a stage."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def stage(root: Path, tmp_path: Path):
    def run(folder: Path, path: Path) -> tuple[int, str]:
        done = subprocess.run(
            ["/bin/sh", str(root / "tools/stage"), "split"],
            cwd=folder, env={"PATH": f"{path}{os.pathsep}/usr/bin:/bin"}, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    (tmp_path / "project").mkdir()
    return run


def _python(folder: Path, script: str) -> None:
    folder.mkdir(parents=True)
    (folder / "python").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "python").chmod(0o755)


def test_the_environment_of_the_clone_goes_before_path(stage, tmp_path: Path) -> None:
    project = tmp_path / "project"
    _python(project / ".venv/bin", 'echo own "$@"')
    _python(tmp_path / "path", 'echo other "$@"')
    temporary = project / ".dvc/tmp/exps/tmp1/folder"
    temporary.mkdir(parents=True)
    for folder in (project, temporary):
        assert stage(folder, tmp_path / "path") == (0, "own -m issuesum.stages split\n")


def test_without_one_the_python_of_path_must_have_issuesum(stage, tmp_path: Path) -> None:
    project = tmp_path / "project"
    _python(tmp_path / "path", 'test "$1" = -c || echo other "$@"')
    assert stage(project, tmp_path / "path") == (0, "other -m issuesum.stages split\n")
    _python(tmp_path / "bare", "exit 1")
    code, message = stage(project, tmp_path / "bare")
    assert code == 1
    assert message == (
        "error: split: .venv, or the python of PATH, must have issuesum. Received: "
        f"{tmp_path}/bare/python, without it. Try: make setup.\n"
    )
