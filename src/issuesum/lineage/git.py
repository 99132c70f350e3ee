"""What Git says of the working tree; every question is one `git` command."""

from __future__ import annotations

import getpass
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from issuesum.errors import RepositoryError

# What decides an image besides the outputs of stages, below the project's root. dvc.lock is left
# out: during `dvc repro` it is being rewritten, and the commit that will hold it does not exist.
CODE = (
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
# A folder of a stranger's tree may look like a repository, with a configuration that names
# programs. Git before 2.38 ignores this; `contained` refuses such a tree by itself.
SAFE = ("-c", "safe.bareRepository=explicit")
_NO_OUTPUT = "no output"
_HEX = re.compile(r"[0-9a-f]{7,64}")
_COMMIT_ID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


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
    """Return the files of code, params, dvc.yaml and data that differ from HEAD, or are new.

    Args:
        root: of the project, which may be a folder of a larger repository.

    Returns:
        Their paths from the top of the repository.
    """
    # -z keeps any file name as it is; without renames a renamed file's old path is named too.
    command = ("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--")
    with index_of_head(root) as variables:
        status = os.fsdecode(run(root, *command, *CODE, variables=variables))
    return sorted(entry[3:] for entry in status.split("\0") if entry)


@contextmanager
def index_of_head(root: Path) -> Iterator[dict[str, str]]:
    """Give what makes `git` use an index of its own, which holds HEAD and knows no dates of files.

    By size and date Git takes a file for unchanged that the index was told about too late. In the
    folder of `dvc exp run --temp` that happens to the very params that the experiment changes.

    Raises:
        RepositoryError: there is no Git repository or no commit.
    """
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        variables = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        run(root, "read-tree", "HEAD", variables=variables)
        yield variables


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


def commits_of(root: Path, name: str, *, must: str | None = None) -> list[Commit]:
    """Return the commits up to HEAD that changed a file, the newest first.

    Where a shallow clone ends, the last commit passes for the one that wrote what it holds.

    Raises:
        RepositoryError: there is no Git repository or no commit; it says that `must` must hold.
    """
    form = "--format=%H %ct %P"  # --parents: of each commit, the nearest that changed the file
    options = ("--date-order", "--parents", form, "HEAD", "--", name)
    found = run(root, "--literal-pathspecs", "log", *options, must=must)
    rows = (line.split() for line in os.fsdecode(found).splitlines())
    return [
        Commit(commit, datetime.fromtimestamp(int(when), UTC).isoformat(), tuple(parents))
        for commit, when, *parents in rows
    ]


def file_at(root: Path, commit: str, path: str) -> bytes | None:
    """Return a file as a commit has it, None if the commit or the file is not here."""
    try:
        # The commit may come from an image: it is no option of git's.
        return run(root, "show", "--end-of-options", f"{commit}:./{path}")
    except RepositoryError:
        return None


def earlier_versions(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the committed contents of a file, the newest first, each with its commit.

    Nothing is yielded where there is no repository, no commit, or none that has the file. Renames
    are not followed.

    Args:
        path: the file, which need not exist now; its folder must.

    Raises:
        RepositoryError: there is no Git, or it cannot read this repository.
    """
    folder = path.parent
    readable = f"The Git repository around {folder.resolve()} must be readable"
    try:
        run(folder, "rev-parse", "--quiet", "--verify", "HEAD", variables={"LC_ALL": "C"},
            must=readable, advice="git log there")  # fmt: skip
    except RepositoryError as error:
        if any(reason in str(error) for reason in (_NO_OUTPUT, "not a git repository")):
            return
        raise
    for commit in commits_of(folder, path.name, must=readable):
        content = file_at(folder, commit.id, path.name)
        if content is not None:  # else this commit removed the file
            yield commit.id, content.decode(errors="replace")


def content_at(root: Path, commit: str, name: str) -> str | None:
    """Return a text file as it is in a commit, None if that has none."""
    content = file_at(root, commit, name)
    return None if content is None else os.fsdecode(content)


def top(folder: Path) -> Path | None:
    """Return the root of the working tree that `folder` is in, or None."""
    try:
        return Path(_git(folder, "rev-parse", "--show-toplevel").rstrip("\n"))
    except RepositoryError:
        return None


def is_commit_id(text: object) -> bool:
    """Return whether a text is a whole commit id."""
    return isinstance(text, str) and _COMMIT_ID.fullmatch(text) is not None


def prefix(root: Path) -> str:
    """Return where a project lies in its repository: `` at the top, or else `folder/`."""
    return _git(root, "rev-parse", "--show-prefix").rstrip("\n")


def has_commit(root: Path, commit: str) -> bool:
    """Return whether the repository holds this commit, on a branch or not.

    Args:
        root: of the repository.
        commit: hex digits, all or the first; anything else is none, lest it be an option of git.
    """
    if not _HEX.fullmatch(commit):
        return False
    try:
        run(root, "cat-file", "-e", f"{commit}^{{commit}}")
    except RepositoryError:
        return False
    return True


def contents(root: Path, path: str) -> Iterator[bytes]:
    """Yield every content that any commit of any branch or tag has under `path`, newest first."""
    listed = _git(root, "rev-list", "--all", "--objects", "HEAD", "--", path)
    named = f"{prefix(root)}{path}"
    for line in listed.splitlines():
        name, _, of = line.partition(" ")
        if of == named:
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
            ["git", *SAFE, "-C", str(root), *arguments],
            capture_output=True,
            check=False,
            env={**os.environ, **(variables or {})},
        )
    except FileNotFoundError as error:
        raise RepositoryError("git must be on PATH. Received: none. Try: install Git.") from error
    if done.returncode:
        lines = os.fsdecode(done.stderr).strip().splitlines() or [_NO_OUTPUT]
        reason = next((line for line in lines if line.startswith("fatal:")), lines[-1])
        raise RepositoryError(
            f"{must or f'{root.resolve()} must be a Git repository with a commit'}. "
            f"Received: {reason}. Try: {advice}."
        )
    return done.stdout


def _git(root: Path, *arguments: str) -> str:
    return os.fsdecode(run(root, *arguments))


_NAME, _EMAIL = "issuesum", "issuesum@localhost"


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
        return bool(run(root, "config", key).strip())
    except RepositoryError:
        return False
