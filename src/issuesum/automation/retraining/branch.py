"""The branch that results go to, and how to get along with others who push to it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from issuesum.errors import RepositoryError
from issuesum.lineage import git
from issuesum.lineage.git import who

# A hook such as that of `dvc install` would check data out in a tree that lives a second.
_NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")


@dataclass(frozen=True)
class Branch:
    """A branch of a remote, to which HEAD is pushed.

    Attributes:
        root: of the clone.
        remote: its name in Git.
        name: without refs/heads.
    """

    root: Path
    remote: str
    name: str

    @property
    def tracking(self) -> str:
        """What the clone last heard of it."""
        return f"refs/remotes/{self.remote}/{self.name}"

    def waits_for(self, *paths: str) -> bool:
        """Return whether commits that the remote lacks, as far as is known, change these paths."""
        if not _is(self.root, "rev-parse", "--quiet", "--verify", self.tracking):
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
            self._fetch()
            if is_ancestor(self.root, self.tracking):  # nobody was faster
                raise
            return False
        return True

    def onto_theirs(self, commit: str) -> str | None:
        """Return `commit` rebased onto what was fetched; None if it conflicts.

        It is done in a tree of its own, so a kill leaves the clone as it was.
        """
        git.run(self.root, "worktree", "prune")
        with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
            tree = Path(folder) / "tree"
            git.run(self.root, *_NO_HOOKS, "worktree", "add", "--quiet", "--detach",
                    str(tree), commit)  # fmt: skip
            try:
                git.run(tree, *_NO_HOOKS, "rebase", "--quiet", "--rebase-merges", self.tracking,
                        variables=who(self.root))  # fmt: skip
                return git.head(tree)
            except RepositoryError:
                return None
            finally:
                git.run(self.root, "worktree", "remove", "--force", str(tree))

    def _fetch(self) -> None:
        git.run(
            self.root, "fetch", "--quiet", self.remote, f"+refs/heads/{self.name}:{self.tracking}",
            must=f"The branch {self.name} of {self.remote} must be fetched",
            advice=f"git fetch {self.remote} {self.name}",
        )  # fmt: skip


def find_branch(
    root: Path, remote: str, named: str | None, variables: Mapping[str, str] = os.environ
) -> Branch:
    """Return the branch to push to.

    It is the one that is named; else the upstream of the current one on this remote, or else of its
    name; on a detached HEAD, the one that CI says it builds.

    Args:
        root: of the clone.
        remote: its name in Git.
        named: by the user.
        variables: of the environment.

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


def is_ancestor(root: Path, commit: str) -> bool:
    """Return whether HEAD is a commit or follows it; False of one that is not known."""
    return _is(root, "merge-base", "--is-ancestor", commit, "HEAD")


def move(root: Path, commit: str) -> None:
    """Make HEAD, and its branch, another commit, and keep what is not committed.

    Raises:
        RepositoryError: what is not committed is in the way.
    """
    git.run(
        root, "reset", "--quiet", "--keep", commit,
        must="Changes that are not committed must be in no file that others changed",
        advice="git stash, then the same again",
    )  # fmt: skip


def _is(root: Path, *arguments: str) -> bool:
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
