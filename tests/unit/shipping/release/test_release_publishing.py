"""Manifests reach their branch, next to those of others and also when others push first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from issuesum.errors import RepositoryError
from issuesum.shipping.release import publish
from projects import Project


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a clone of tmp_path/bare.git, which has no branch `live`."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    project = Project(tmp_path / "clone")
    project.init()
    project.run("git", "init", "--quiet", "--bare", str(tmp_path / "bare.git"))
    project.run("git", "remote", "add", "origin", str(tmp_path / "bare.git"))
    (project.path / "titles.yaml").write_text("kind: SeldonDeployment\n")
    project.commit("begin")
    return project


def _publish(clone: Project, folder: str = "prod") -> str | None:
    return publish(
        clone.path, [clone.path / "titles.yaml"],
        folder=folder, message="Release v1.0.0", remote="origin", branch="live",
    )  # fmt: skip


def _files(clone: Project) -> list[str]:
    listed = clone.run("git", "ls-tree", "-r", "--name-only", "live", GIT_DIR="../bare.git").stdout
    return listed.split()


def _messages(clone: Project) -> list[str]:
    return clone.run("git", "log", "--format=%s", "live", GIT_DIR="../bare.git").stdout.splitlines()


def _hook(path: Path, *lines: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", "unset $(git rev-parse --local-env-vars)", *lines)))
    path.chmod(0o755)


def _others_push_first(clone: Project, times: int) -> None:
    """Have others push to `live` between our look at it and our push, so many times."""
    clone.run("git", "clone", "--quiet", "../bare.git", "../other")
    _hook(
        clone.path / ".git/hooks/pre-push",
        "echo x >>../count",
        "number=$(grep -c x ../count)",
        f"[ $number -le {times} ] || exit 0",
        "cd ../other && git fetch --quiet",
        "git checkout --quiet -B live origin/live || git checkout --quiet --orphan live",
        "echo $number >theirs && git add theirs",
        "who='-c user.name=Other -c user.email=other@example.com'",
        'git $who commit --quiet --message "Theirs $number" && git push --quiet origin live',
    )


def test_a_branch_is_made_and_only_what_changed_is_committed(clone: Project) -> None:
    before = clone.run("git", "status", "--porcelain", "--branch").stdout
    first = _publish(clone)
    assert _publish(clone) is None
    (clone.path / "titles.yaml").write_text("kind: Deployment\n")
    second = _publish(clone, "staging")
    assert len({first, second, None}) == 3
    assert _files(clone) == ["prod/titles.yaml", "staging/titles.yaml"]
    assert _messages(clone) == ["Release v1.0.0"] * 2
    clone.run("git", "checkout", "--quiet", "--", "titles.yaml")
    assert clone.run("git", "status", "--porcelain", "--branch").stdout == before


@pytest.mark.parametrize("exists", [False, True])
def test_a_release_goes_after_one_that_was_faster(clone: Project, *, exists: bool) -> None:
    if exists:
        _publish(clone, "staging")
    _others_push_first(clone, 2)
    assert _publish(clone)
    ours = ["Release v1.0.0"] if exists else []
    assert _messages(clone) == ["Release v1.0.0", "Theirs 2", "Theirs 1", *ours]
    assert {"prod/titles.yaml", "theirs"} <= set(_files(clone))


def test_it_gives_up_when_others_are_always_faster(clone: Project) -> None:
    _others_push_first(clone, 99)
    with pytest.raises(
        RepositoryError, match="origin must take what is released to its branch live"
    ):
        _publish(clone)
    assert _messages(clone) == [f"Theirs {number}" for number in (5, 4, 3, 2, 1)]


def test_a_refusal_that_is_nobodys_push_is_not_tried_again(clone: Project, tmp_path: Path) -> None:
    counted = tmp_path / "asked"
    _hook(tmp_path / "bare.git/hooks/pre-receive", f"echo x >>{counted}", "exit 1")
    with pytest.raises(RepositoryError, match="a token or key that may write to that branch"):
        _publish(clone)
    assert counted.read_text() == "x\n"
