"""Which branch is pushed to, and what happens if others push first."""

from __future__ import annotations

from pathlib import Path

import pytest

from issuesum.automation.retraining.results import Branch, drop_last, find_branch, follows
from issuesum.errors import RepositoryError
from projects import Project


def test_the_branch_is_the_named_one_or_the_upstream_or_that_of_ci(clone: Project) -> None:
    def found(named: str | None = None, **variables: str) -> str:
        return find_branch(clone.path, "origin", named, variables).name

    assert found("release") == "release"
    assert found() == "main"
    clone.run("git", "config", "branch.main.remote", "origin")
    clone.run("git", "config", "branch.main.merge", "refs/heads/live")
    assert found(GITHUB_REF_NAME="ci") == "live"
    clone.run("git", "checkout", "--quiet", "--detach")
    assert found(GITHUB_REF_NAME="ci") == "ci"
    for variables in ({}, {"GITHUB_REF_NAME": "7/merge", "GITHUB_REF_TYPE": "tag"}):
        with pytest.raises(RepositoryError, match="a detached HEAD"):
            found(**variables)
    with pytest.raises(RepositoryError, match="nowhere must be a remote"):
        find_branch(clone.path, "nowhere", None)


def test_it_waits_for_commits_of_these_paths_alone(clone: Project) -> None:
    branch = Branch(clone.path, "origin", "main")
    (clone.path / "notes.md").write_text("x")
    clone.commit("notes")
    assert not branch.waits_for("dvc.lock")
    clone.edit("dvc.lock", str.upper)
    clone.commit("lock")
    assert branch.waits_for("dvc.lock")
    new = Branch(clone.path, "origin", "new")  # which the remote does not have
    assert new.waits_for("dvc.lock")
    assert branch.push()
    assert not branch.waits_for("dvc.lock")
    assert not new.waits_for("dvc.lock")


def test_a_push_that_others_were_faster_than_is_reported_and_never_forced(
    clone: Project, other: Project
) -> None:
    (other.path / "theirs.md").write_text("x")
    theirs = other.commit("theirs")
    other.run("git", "push", "--quiet")
    (clone.path / "ours.md").write_text("x")
    ours = clone.commit("ours")
    (clone.path / "unsaved.md").write_text("x")
    clone.edit("params.yaml", lambda text: text + "# unsaved\n")
    branch = Branch(clone.path, "origin", "main")
    assert not branch.push()
    assert branch.rebase()
    assert follows(clone.path, theirs)
    assert not follows(clone.path, ours)
    assert (clone.path / "unsaved.md").exists()
    assert (clone.path / "params.yaml").read_text().endswith("# unsaved\n")
    assert branch.push()


def test_a_conflict_leaves_no_trace(clone: Project, other: Project) -> None:
    for project in (other, clone):
        project.edit("dvc.lock", lambda text, to=project.path.name: text + f"# {to}\n")
        commit = project.commit("lock")
    other.run("git", "push", "--quiet")
    branch = Branch(clone.path, "origin", "main")
    assert not branch.push()
    assert not branch.rebase()
    assert clone.run("git", "status", "--porcelain").stdout == ""
    assert clone.run("git", "rev-parse", "HEAD").stdout.strip() == commit
    assert not (clone.path / ".git/rebase-merge").exists()


def test_a_refusal_that_is_nobodys_push_is_an_error(clone: Project, tmp_path: Path) -> None:
    hook = tmp_path / "bare.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    clone.commit("empty")
    for name in ("main", "new"):
        refused = rf"The remote origin must take {name}\. Received: .*pre-receive hook declined"
        with pytest.raises(RepositoryError, match=refused):
            Branch(clone.path, "origin", name).push()


def test_changes_in_the_way_are_kept(clone: Project) -> None:
    clone.edit("dvc.lock", str.upper)
    clone.commit("lock")
    clone.edit("dvc.lock", str.title)
    with pytest.raises(RepositoryError, match="must be in no file of the last commit"):
        drop_last(clone.path)
    assert (clone.path / "dvc.lock").read_text().startswith("Stages")
