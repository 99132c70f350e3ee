"""The branch that results go to, the commits on it, and others who push to it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from issuesum.errors import RepositoryError
from issuesum.lineage import git

MARK = "[skip ci]"
"""CI and the hook ignore commits whose subject has it."""
# A hook such as that of `dvc install` would check data out in the middle of a rebase.
_NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")


@dataclass(frozen=True)
class Branch:
    """A branch, without refs/heads, of a remote of a clone; HEAD is pushed to it."""

    root: Path
    remote: str
    name: str

    @property
    def tracking(self) -> str:
        """What the clone last saw of it."""
        return f"refs/remotes/{self.remote}/{self.name}"

    def waits_for(self, *paths: str) -> bool:
        """Return whether commits that the remote lacks, as far as is known, change these paths."""
        if not _succeeds(self.root, "rev-parse", "--quiet", "--verify", self.tracking):
            return False
        ahead = git.run(self.root, "rev-list", "-n1", f"{self.tracking}..HEAD", "--", *paths)
        return bool(ahead.strip())

    def push(self) -> bool:
        """Push HEAD, never by force.

        Returns:
            Whether it was taken; if not, others have pushed, and their commits are fetched.

        Raises:
            RepositoryError: the remote cannot be reached or refuses for another reason.
        """
        try:
            git.run(
                self.root, "push", "--quiet", self.remote, f"HEAD:refs/heads/{self.name}",
                must=f"The remote {self.remote} must take {self.name}",
                advice=f"git push {self.remote} HEAD:{self.name}, and then the same again",
            )  # fmt: skip
        except RepositoryError:
            git.run(
                self.root, "fetch", "--quiet", self.remote,
                f"+refs/heads/{self.name}:{self.tracking}",
                must=f"The branch {self.name} of {self.remote} must be fetched",
                advice=f"git fetch {self.remote} {self.name}",
            )  # fmt: skip
            if follows(self.root, self.tracking):  # nobody was faster
                raise
            return False
        return True

    def rebase(self) -> bool:
        """Put our commits onto those that were fetched; if they conflict, nothing changes.

        Returns:
            Whether they fit.
        """
        options = ("--quiet", "--rebase-merges", "--autostash", self.tracking)
        try:
            git.run(self.root, *_NO_HOOKS, "rebase", *options, variables=git.who(self.root))
        except RepositoryError:
            git.run(self.root, *_NO_HOOKS, "rebase", "--abort")
            return False
        return True


def find_branch(
    root: Path, remote: str, named: str | None, variables: Mapping[str, str] = os.environ
) -> Branch:
    """Return the branch to push to.

    It is the one that is named; else the upstream of the current one on this remote, or else of its
    name; on a detached HEAD, the one that CI names in the environment's variables.

    Raises:
        RepositoryError: there is no such remote, or HEAD is detached and nothing names a branch.
    """
    git.run(root, "remote", "get-url", remote, must=f"{remote} must be a remote of this clone",
            advice="--remote with a name that git remote shows, or --no-push")  # fmt: skip
    if named:
        return Branch(root, remote, named)
    if current := _text(root, "symbolic-ref", "--quiet", "--short", "HEAD"):
        upstream = _text(root, "config", f"branch.{current}.merge")
        if upstream and _text(root, "config", f"branch.{current}.remote") == remote:
            return Branch(root, remote, upstream.removeprefix("refs/heads/"))
        return Branch(root, remote, current)
    of_ci = variables.get("GITHUB_REF_NAME")
    if of_ci and variables.get("GITHUB_REF_TYPE", "branch") == "branch":
        return Branch(root, remote, of_ci)
    raise RepositoryError(
        f"HEAD of {root.resolve()} must be on a branch. Received: a detached HEAD. "
        "Try: --branch with the name of the one to push to, or --no-push."
    )


def commit(root: Path, paths: Sequence[str], message: str) -> None:
    """Commit some files as they are, and nothing else that is staged.

    Raises:
        RepositoryError: Git, or a hook of the repository, refuses.
    """
    must, advice = "Git must commit the results", "git status, and the hooks in .git/hooks"
    git.run(root, "add", "--", *paths, must=must, advice=advice)
    git.run(
        root, "commit", "--quiet", "--only", "--message", message, "--", *paths,
        variables=git.who(root), must=must, advice=advice,
    )  # fmt: skip


def follows(root: Path, commit: str) -> bool:
    """Return whether HEAD is a commit or follows it; False for one that is not known."""
    return _succeeds(root, "merge-base", "--is-ancestor", commit, "HEAD")


def drop_last(root: Path) -> None:
    """Take the last commit off the branch, and keep what is not committed.

    Raises:
        RepositoryError: what is not committed is in the way.
    """
    git.run(
        root, "reset", "--quiet", "--keep", "HEAD^",
        must="Changes that are not committed must be in no file of the last commit",
        advice="git stash, then the same again",
    )  # fmt: skip


def _succeeds(root: Path, *arguments: str) -> bool:
    try:
        git.run(root, *arguments)
    except RepositoryError:
        return False
    return True


def _text(root: Path, *arguments: str) -> str:
    try:
        return os.fsdecode(git.run(root, *arguments)).strip()
    except RepositoryError:
        return ""
