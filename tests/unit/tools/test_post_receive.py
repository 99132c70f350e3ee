"""The hook's queue, with a program in place of `issuesum` that writes down what it is asked for."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from projects import ROOT, Project

RETRAIN = """#!/bin/sh
echo "$(git log -1 --format=%s) $* KEY=$KEY GIT_DIR=${{GIT_DIR-}}" >> {asked}
exit {code}
"""


class Forge(Project):
    """A bare repository with the hook, and what its worker asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "bare.git")
        self.asked_file, self.program = folder / "asked", folder / "bin/issuesum"
        self.env["PATH"] = f"{folder / 'bin'}:{self.env['PATH']}"
        self.env_file = folder / "secrets.env"

    def answer(self, code: int) -> None:
        self.program.write_text(RETRAIN.format(asked=self.asked_file, code=code))
        self.program.chmod(0o755)

    def asked(self) -> list[str]:
        """Return what was asked for, when nothing is queued any more."""
        until = time.monotonic() + 60
        state = self.path / "issuesum"
        while (state / "queue").exists() or (state / "taken").exists():
            assert time.monotonic() < until, (state / "retrain.log").read_text()
            time.sleep(0.05)
        return self.asked_file.read_text().splitlines() if self.asked_file.exists() else []


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    forge = Forge(tmp_path)
    forge.program.parent.mkdir()
    forge.answer(0)
    forge.path.mkdir()
    forge.run("git", "init", "--quiet", "--bare", "--initial-branch=main")
    (forge.path / "hooks/post-receive").symlink_to(ROOT / "tools/post-receive")
    forge.env_file.write_text("KEY=open-sesame\n")
    forge.env_file.chmod(0o600)
    for key, value in {"debounce": "1", "setup": "true", "env": str(forge.env_file)}.items():
        forge.run("git", "config", f"issuesum.{key}", value)
    return forge


@pytest.fixture
def clone(forge: Forge, tmp_path: Path) -> Project:
    """Return a clone that was pushed once."""
    project = Project(tmp_path / "clone")
    project.env["PATH"] = forge.env["PATH"]
    project.init()
    project.run("git", "remote", "add", "origin", str(forge.path))
    for name in ("params.yaml", "uv.lock", "README.md"):
        (project.path / name).write_text("begin\n")
    return project


def _push(project: Project, message: str, *, file: str = "params.yaml", to: str = "main") -> str:
    path = project.path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(message)
    project.commit(message)
    return project.run("git", "push", "--quiet", "origin", f"HEAD:{to}").stderr


def test_pushes_in_a_row_are_one_retraining_of_the_last(forge: Forge, clone: Project) -> None:
    forge.run("git", "config", "issuesum.debounce", "5")  # seconds: more than a push takes here
    for number in range(3):
        assert "issuesum: retraining queued, log in " in _push(clone, f"push {number}")
    assert forge.asked() == ["push 2 retrain --branch main KEY=open-sesame GIT_DIR="]
    log = (forge.path / "issuesum/retrain.log").read_text()
    assert "ended with 0: done" in log
    assert "open-sesame" not in log
    forge.run("git", "config", "issuesum.debounce", "0")
    _push(clone, "after")
    assert len(forge.asked()) == 2


def test_what_is_pushed_decides(forge: Forge, clone: Project) -> None:
    forge.run("git", "config", "issuesum.debounce", "0")
    _push(clone, "first")
    for file, message, queued in (
        ("data/raw/issues.csv.dvc", "raw data", True),
        ("data/new.dvc", "other data", True),
        ("src/issuesum/cli/new.py", "code", True),
        ("serving/requirements.txt", "serving", True),
        ("serving/image.json", "receipt", False),
        ("data/notes.md", "notes", False),
        ("dvc.lock", "results", False),
        ("params.yaml", "Retrain: well [skip ci]", False),
    ):
        before = forge.asked()
        assert ("queued" in _push(clone, message, file=file)) is queued, file
        assert len(forge.asked()) == len(before) + queued, file
    assert "queued" not in _push(clone, "topic", to="topic")


def test_secrets_that_others_may_read_are_refused(forge: Forge, clone: Project) -> None:
    forge.env_file.chmod(0o640)
    assert "must be readable by its owner alone. Received: mode 640" in _push(clone, "first")
    assert forge.asked() == []
    forge.env_file.unlink()
    assert "issuesum.env must be a file" in _push(clone, "second")


def test_a_failure_is_reported_and_recovered_by_hand(forge: Forge, clone: Project) -> None:
    forge.answer(6)
    _push(clone, "first")
    assert len(forge.asked()) == 1
    assert "ended with 6: failed; " in (forge.path / "issuesum/retrain.log").read_text()
    forge.answer(11)
    assert "ended with 11: nothing to do" in forge.run("hooks/post-receive", "--now").stdout
    (forge.path / "issuesum/taken").touch()  # by a worker that was killed
    (forge.path / "issuesum/work/.git/index.lock").touch()
    _push(clone, "nothing of ours", file="README.md")
    forge.run("sh", "hooks/post-receive", "--worker")
    assert len(forge.asked()) == 3


def test_the_environment_is_made_when_the_lock_is_new(forge: Forge, clone: Project) -> None:
    made = forge.path / "made"
    forge.run("git", "config", "issuesum.setup", f"echo x >> {made}")
    for number, file in enumerate(("uv.lock", "params.yaml", "uv.lock")):
        _push(clone, f"push {number}", file=file)
        forge.run("hooks/post-receive", "--now")
        forge.asked()
    assert made.read_text() == "x\nx\n"
    shutil.rmtree(forge.path / "issuesum/work")  # as the docs say to recover
    forge.run("hooks/post-receive", "--now")
    assert made.read_text() == "x\nx\nx\n"


def test_a_branch_without_an_upstream_is_reported(forge: Forge, clone: Project) -> None:
    forge.run("git", "symbolic-ref", "HEAD", "refs/heads/master")
    assert "the watched branch master does not exist" in _push(clone, "first")
    assert forge.asked() == []


def test_by_hand_it_ends_as_the_retraining_did(forge: Forge, clone: Project) -> None:
    _push(clone, "first")
    forge.asked()
    for code, ended in ((5, 5), (11, 0), (0, 0)):
        forge.answer(code)
        assert forge.run("hooks/post-receive", "--now", ok=False).returncode == ended
