"""Commits that start nothing: CI and the hook pass over what says `[skip ci]`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from issuesum.lineage import git
from issuesum.lineage.git import who

MARK = "[skip ci]"


def unnoticed(message: str) -> str:
    """Return a message whose subject has the mark."""
    if MARK in message:
        return message
    subject, newline, body = message.partition("\n")
    return f"{subject} {MARK}{newline}{body}"


def commit(root: Path, paths: Sequence[str], message: str) -> None:
    """Commit some files as they lie there, and nothing else that is staged.

    Raises:
        RepositoryError: Git, or a hook of the repository, refuses.
    """
    must, advice = "Git must commit the results", "git status, and the hooks in .git/hooks"
    git.run(root, "add", "--", *paths, must=must, advice=advice)
    git.run(
        root, "commit", "--quiet", "--only", "--message", message, "--", *paths,
        variables=who(root), must=must, advice=advice,
    )  # fmt: skip
