"""Git: what an image's tag is made of, and who commits."""

from __future__ import annotations

import os
from pathlib import Path

from issuesum.automation.doctor.finding import Finding, fail, note, ok
from issuesum.lineage import git
from issuesum.lineage.git import who


def repository(root: Path) -> Finding:
    """Look for a repository with a commit.

    Raises:
        RepositoryError: there is no Git or no commit.
    """
    version = git.run(root, "--version").decode().strip().removeprefix("git version ")
    if git.top(root) is None:
        return fail(f"{version}; {root.resolve()} is in no repository", "cd to the project's root")
    commit = git.head(root)[:12]
    changed = git.changed_files(root)
    if changed:
        more = f" and {len(changed) - 1} more" if changed[1:] else ""
        return note(
            f"{version}, commit {commit}; {changed[0]}{more} differ from it, so that an image "
            "would be -dirty and retrain refuses",
            "git status, then git commit",
        )
    return ok(f"{version}, commit {commit}, clean")


def identity(root: Path) -> Finding:
    """Look whether Git knows who commits.

    Raises:
        RepositoryError: there is no Git.
    """
    missing = {variable.rpartition("_")[2].lower() for variable in who(root)}
    if missing:
        names = " and ".join(f"user.{name}" for name in ("name", "email") if name in missing)
        return note(
            f"Git knows no {names}: `git commit` refuses, and retrain commits as issuesum",
            "git config --global user.name NAME; git config --global user.email ADDRESS",
        )
    ident = os.fsdecode(
        git.run(root, "var", "GIT_COMMITTER_IDENT", must="Git must know who commits")
    )
    return ok(ident.rpartition(">")[0] + ">")
