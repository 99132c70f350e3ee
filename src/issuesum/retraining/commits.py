"""Commits that start nothing: CI and the hook pass over what says `[skip ci]`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from issuesum.errors import RepositoryError
from issuesum.lineage import git

MARK = "[skip ci]"
_NAME, _EMAIL = "issuesum", "issuesum@localhost"


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


def who(root: Path) -> dict[str, str]:
    """Return the variables that Git needs to know who commits; it is itself asked first."""
    variables = {}
    for key, default in (("name", _NAME), ("email", _EMAIL)):
        for role in ("AUTHOR", "COMMITTER"):
            variable = f"GIT_{role}_{key.upper()}"
            if not os.environ.get(variable) and not _configured(root, f"user.{key}"):
                variables[variable] = default
    return variables


def _configured(root: Path, key: str) -> bool:
    try:
        return bool(git.run(root, "config", key).strip())
    except RepositoryError:
        return False
