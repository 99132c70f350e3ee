"""What Git says of the working tree; every question is one `git` command."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from issuesum.errors import RepositoryError

# What decides an image besides the outputs of stages. dvc.lock is left out: during `dvc repro` it
# is being rewritten, and the commit that will hold it does not exist yet.
_CODE = (
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
        *_CODE,
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


def top(folder: Path) -> Path | None:
    """Return the root of the working tree that `folder` is in, or None."""
    try:
        return Path(_git(folder, "rev-parse", "--show-toplevel").rstrip("\n"))
    except RepositoryError:
        return None


def has_commit(root: Path, commit: str) -> bool:
    """Return whether the repository holds this commit, on a branch or not."""
    try:
        run(root, "cat-file", "-e", f"{commit}^{{commit}}")
    except RepositoryError:
        return False
    return True


def contents(root: Path, path: str) -> Iterator[bytes]:
    """Yield every content that any commit of any branch or tag has under `path`, newest first."""
    listed = _git(root, "rev-list", "--all", "--objects", "HEAD", "--", path)
    for line in listed.splitlines():
        name, _, of = line.partition(" ")
        if of == path:
            yield run(root, "cat-file", "blob", name)


def run(
    root: Path,
    *arguments: str,
    variables: dict[str, str] | None = None,
    must: str | None = None,
    advice: str = "git status there; for a new repository git init, git add and git commit",
) -> bytes:
    """Return what `git` prints.

    Args:
        root: where it runs.
        arguments: the subcommand and its options.
        variables: further environment variables.
        must: what an error says must hold; by default that there is a repository with a commit.
        advice: what it says to try.

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
            f"{must or f'{root.resolve()} must be a Git repository with a commit'}. "
            f"Received: {reason}. Try: {advice}."
        )
    return done.stdout


def _git(root: Path, *arguments: str) -> str:
    return os.fsdecode(run(root, *arguments))
