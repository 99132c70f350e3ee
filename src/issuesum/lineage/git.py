"""What Git says of the working tree; every question is one `git` command."""

from __future__ import annotations

import getpass
import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from issuesum.errors import RepositoryError

# What decides an image besides the outputs of stages, below the project's root. dvc.lock is left
# out: during `dvc repro` it is being rewritten, and the commit that will hold it does not exist.
_CODE = (
    "src",
    "serving",
    "Dockerfile",
    "params.yaml",
    "dvc.yaml",
    "pyproject.toml",
    "uv.lock",
    ":(glob)data/**/*.dvc",
    ":(exclude)serving/image.json",
    ":(exclude,glob)**/.gitignore",
)
# A user name that is no secret, and without which nobody could clone over SSH.
_PUBLIC_USER = "git"


def head(root: Path) -> str:
    """Return the commit that is checked out, 40 hex digits.

    Raises:
        RepositoryError: there is no Git repository or no commit.
    """
    return _git(root, "rev-parse", "--verify", "HEAD^{commit}").strip()


def changed_files(root: Path) -> list[str]:
    """Return the files of code, params, dvc.yaml and data that differ from HEAD, or are new.

    Args:
        root: of the project, which may be a folder of a larger repository.

    Returns:
        Their paths from the top of the repository.
    """
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
    """Return the URL of `origin` without what may be secret in it, or None."""
    try:
        url = _git(root, "remote", "get-url", "origin").strip()
    except RepositoryError:
        return None
    return without_secrets(url)


def without_secrets(url: str) -> str:
    """Return a URL without user name, password, query and fragment; paths are left as they are."""
    if "://" not in url:
        user, at, rest = url.partition("@")  # as in git@host:path
        return rest if at and ":" in user and "/" not in user else url
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    kept = f"{user}{at}{host}" if user == _PUBLIC_USER and parts.scheme == "ssh" else host
    return urlunsplit((parts.scheme, kept, parts.path, "", ""))


def describe(root: Path, commit: str) -> dict[str, str]:
    """Return subject (`message`), `author` and date (`committed`) of a commit.

    Raises:
        RepositoryError: there is no such commit.
    """
    shown = run(root, "show", "--no-patch", "--no-show-signature",
                "--format=%s%x00%an <%ae>%x00%cI", f"{commit}^{{commit}}")  # fmt: skip
    fields = shown.decode(errors="replace").strip("\n").split("\0")
    return dict(zip(("message", "author", "committed"), fields, strict=True))


def user(root: Path) -> str | None:
    """Return who works here: Git's user.name, or else the user of the operating system."""
    try:
        return _git(root, "config", "user.name").strip()
    except RepositoryError:
        try:
            return getpass.getuser()
        except (KeyError, OSError):  # a container's user without a name
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
