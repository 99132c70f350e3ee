"""What Git says of the working tree; every question is one `git` command."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from issuesum.errors import RepositoryError

# What decides an image besides the outputs of stages. dvc.lock is left out: during `dvc repro` it
# is being rewritten, and the commit that will hold it does not exist yet.
CODE = (
    ":(top)src",
    ":(top)serving",
    ":(top)Dockerfile",
    ":(top)params.yaml",
    ":(top)dvc.yaml",
    ":(top)pyproject.toml",
    ":(top)uv.lock",
    ":(top,glob)data/**/*.dvc",
    ":(top,exclude)serving/image.json",
    ":(top,exclude,glob)**/.gitignore",
)


@dataclass(frozen=True)
class Commit:
    """A commit that changed a file.

    Attributes:
        id: 40 hex digits.
        committed: ISO 8601, UTC.
        parents: the nearest earlier commits that changed it.
    """

    id: str
    committed: str
    parents: tuple[str, ...]


def head(root: Path) -> str:
    """Return the commit that is checked out, 40 hex digits.

    Raises:
        RepositoryError: there is no Git repository or no commit.
    """
    return _git(root, "rev-parse", "--verify", "HEAD^{commit}").strip()


def changed_files(root: Path) -> list[str]:
    """Return the files of code, params, dvc.yaml and data that differ from HEAD, or are new."""
    # core.quotePath=off and -z keep any file name as it is; a rename names its old path too.
    status = _git(
        root,
        "status",
        "--porcelain=v1",
        "-z",
        "--no-renames",
        "--untracked-files=all",
        "--",
        *CODE,
    )
    return sorted(entry[3:] for entry in status.split("\0") if entry)


def remote_url(root: Path) -> str | None:
    """Return the URL of `origin` without user name and password, or None."""
    try:
        url = _git(root, "remote", "get-url", "origin").strip()
    except RepositoryError:
        return None
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def commits_of(root: Path, name: str) -> list[Commit]:
    """Return the commits up to HEAD that changed a file, the newest first.

    Where a shallow clone ends, the last commit passes for the one that wrote what it holds.

    Raises:
        RepositoryError: there is no Git repository or no commit.
    """
    form = "--format=%H %ct %P"  # --parents: of each commit, the nearest that changed the file
    found = _git(root, "log", "--date-order", "--parents", form, "HEAD", "--", name)
    rows = (line.split() for line in found.splitlines())
    return [
        Commit(commit, datetime.fromtimestamp(int(when), UTC).isoformat(), tuple(parents))
        for commit, when, *parents in rows
    ]


def content_at(root: Path, commit: str, name: str) -> str | None:
    """Return a file as it is in a commit, None if that has none."""
    try:
        return _git(root, "show", f"{commit}:./{name}")
    except RepositoryError:
        return None


def user_name(root: Path) -> str | None:
    """Return the user.name of Git's settings, or None."""
    try:
        return _git(root, "config", "user.name").strip() or None
    except RepositoryError:
        return None


def run(root: Path, *arguments: str, variables: dict[str, str] | None = None) -> bytes:
    """Return what `git` prints.

    Args:
        root: where it runs.
        arguments: the subcommand and its options.
        variables: further environment variables.

    Raises:
        RepositoryError: there is no Git, no repository, or it refuses.
    """
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            check=False,
            env={**os.environ, **(variables or {})},
        )
    except FileNotFoundError as error:
        raise RepositoryError("git must be on PATH. Received: none. Try: install Git.") from error
    if done.returncode:
        lines = os.fsdecode(done.stderr).strip().splitlines() or ["no output"]
        reason = next((line for line in lines if line.startswith("fatal:")), lines[-1])
        raise RepositoryError(
            f"{root.resolve()} must be a Git repository with a commit. Received: {reason}. "
            "Try: git status there; for a new repository git init, git add and git commit."
        )
    return done.stdout


def _git(root: Path, *arguments: str) -> str:
    return os.fsdecode(run(root, *arguments))
