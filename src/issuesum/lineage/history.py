"""What Git remembers of a file: its content in each commit that changed it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from issuesum.errors import RepositoryError


def earlier_versions(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the committed contents of a file, the newest first.

    Nothing is yielded where there is no repository, no commit, or none that has the file. A shallow
    clone ends earlier, and its oldest commit passes for the one that wrote what it holds.

    Args:
        path: the file, which need not exist now; its folder must. Renames are not followed.

    Yields:
        The commit that wrote this content, 40 hex digits, and the content.

    Raises:
        RepositoryError: there is no Git, or it cannot read this repository.
    """
    folder, name = path.parent, path.name
    if not _has_commit(folder):
        return
    # By date, but no commit before those that follow it, whatever the clocks said.
    commits = _git(folder, "log", "--date-order", "--format=%H", "HEAD", "--", name)
    for commit in commits.split():
        entry = _git(folder, "ls-tree", commit, "--", name)
        if entry:  # none: this commit removed the file
            blob = entry.split("\t")[0].split()[2]
            yield commit, _git(folder, "cat-file", "blob", blob)


def _has_commit(folder: Path) -> bool:
    done = _run(folder, "rev-parse", "--quiet", "--verify", "HEAD")
    if done.returncode == 0:
        return True
    reason = done.stderr
    if reason and "not a git repository" not in reason:
        raise _unreadable(folder, reason)
    return False


def _git(folder: Path, *arguments: str) -> str:
    done = _run(folder, *arguments)
    if done.returncode:
        raise _unreadable(folder, done.stderr)
    return done.stdout


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", "--literal-pathspecs", "-C", str(folder), *arguments],
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},  # messages are told apart by their text
        )
    except FileNotFoundError as error:
        raise RepositoryError("git must be on PATH. Received: none. Try: install Git.") from error


def _unreadable(folder: Path, reason: str) -> RepositoryError:
    return RepositoryError(
        f"The Git repository around {folder.resolve()} must be readable. "
        f"Received: {' '.join(reason.split())}. Try: git log there."
    )
