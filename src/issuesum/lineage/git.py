"""What Git says of the working tree; every question is one `git` command.

Where there is no Git, no repository or no commit, or Git refuses, a RepositoryError is raised,
unless a function says that it returns None or nothing then.
"""

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
    "src", "tools/stage", "serving", "Dockerfile", "params.yaml", "dvc.yaml", "pyproject.toml",
    "uv.lock", "locks", ":(glob)data/**/*.dvc", ":(exclude)serving/image.json",
    ":(exclude,glob)**/.gitignore",
)  # fmt: skip
# A folder of a stranger's tree may look like a repository, with a configuration that names
# programs. Git before 2.38 ignores this; `contained` refuses such a tree by itself.
SAFE = ("-c", "safe.bareRepository=explicit")
# For commands that move files: a hook such as that of `dvc install` would check data out meanwhile.
NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")
_FOREIGN = re.compile(r"git config --global --add safe\.directory .+")
_NO_COMMIT = re.compile(r"not a git repository|bad revision 'HEAD'")


class ForeignRepositoryError(RepositoryError):
    """The repository belongs to another user, so Git reads nothing of it."""


@dataclass(frozen=True)
class Commit:
    """A commit that changed a file."""

    id: str  # 40 hex digits
    committed: str  # ISO 8601, UTC
    parents: tuple[str, ...]  # the nearest earlier commits that changed it


def head(root: Path) -> str:
    """Return the commit that is checked out, 40 hex digits."""
    return os.fsdecode(run(root, "rev-parse", "--verify", "HEAD^{commit}")).strip()


def commit_of(root: Path, revision: str, *, must: str, advice: str) -> str:
    """Return the commit that a revision names, 40 hex digits; else an error as of `run`."""
    command = ("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    return os.fsdecode(run(root, *command, must=must, advice=advice)).strip()


def changed_files(root: Path) -> list[str]:
    """Return the files of code, params, dvc.yaml and data that differ from HEAD, or are new.

    Their paths begin at the top of the repository, of which `root` may be a folder.
    """
    # -z keeps any file name as it is; without renames a renamed file's old path is named too.
    command = ("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--")
    with index_of_head(root) as variables:
        status = os.fsdecode(run(root, *command, *CODE, variables=variables))
    return sorted(entry[3:] for entry in status.split("\0") if entry)


@contextmanager
def index_of_head(root: Path) -> Iterator[dict[str, str]]:
    """Give the variables for an index of its own, which holds HEAD and knows no dates of files.

    By size and date Git takes a file for unchanged that was edited too soon after it was indexed,
    as in `dvc exp run --temp` the very params that the experiment changes.
    """
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        variables = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        run(root, "read-tree", "HEAD", variables=variables)
        yield variables


def remote_url(root: Path) -> str | None:
    """Return the URL of `origin` without what may be secret in it, or None."""
    url = output(root, "remote", "get-url", "origin")
    return url and without_secrets(url)


def without_secrets(url: str) -> str:
    """Return a URL without user name, password, query and fragment; paths are left as they are."""
    if "://" not in url:
        user, at, rest = url.partition("@")  # as in git@host:path
        return rest if at and ":" in user and "/" not in user else url
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    # No secret, and without it nobody could clone over SSH.
    kept = f"{user}{at}{host}" if user == "git" and parts.scheme == "ssh" else host
    return urlunsplit((parts.scheme, kept, parts.path, "", ""))


def describe(root: Path, commit: str) -> dict[str, str]:
    """Return subject (`message`), `author` and date (`committed`) of a commit."""
    shown = run(root, "show", "--no-patch", "--no-show-signature",
                "--format=%s%x00%an <%ae>%x00%cI", f"{commit}^{{commit}}")  # fmt: skip
    fields = shown.decode(errors="replace").strip("\n").split("\0")
    return dict(zip(("message", "author", "committed"), fields, strict=True))


def user(root: Path) -> str | None:
    """Return who works here: Git's user.name, or else the user of the operating system."""
    try:
        found = output(root, "config", "user.name") or getpass.getuser()
        return os.fsencode(found).decode(errors="replace")  # Git stores any bytes
    except (KeyError, OSError):  # a container's user without a name
        return None


def commits_of(root: Path, name: str) -> list[Commit]:
    """Return the commits up to HEAD that changed a file, the newest first.

    There are none without a repository or a commit. Where a shallow clone ends, the last commit
    passes for the one that wrote what it holds.
    """
    form = "--format=%H %ct %P"  # --parents: of each commit, the nearest that changed the file
    options = ("--date-order", "--parents", form, "HEAD", "--", name)
    must = f"The Git repository around {root.resolve()} must be readable"
    try:
        log = ("--literal-pathspecs", "-c", "log.follow=false", "log")
        found = run(root, *log, *options, must=must, advice="git log there")
    except RepositoryError as error:
        if _NO_COMMIT.search(str(error)):
            return []
        raise
    rows = (line.split() for line in os.fsdecode(found).splitlines())
    return [
        Commit(commit, datetime.fromtimestamp(int(when), UTC).isoformat(), tuple(parents))
        for commit, when, *parents in rows
    ]


def earlier_versions(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the committed contents of a file, the newest first, each with its commit.

    As of `commits_of` there may be none. Only the folder must exist. Renames are not followed.
    """
    for commit in commits_of(path.parent, path.name):
        content = file_at(path.parent, commit.id, path.name)
        if content is not None:  # else this commit removed the file
            yield commit.id, content.decode(errors="replace")


def file_at(root: Path, commit: str, path: str) -> bytes | None:
    """Return a file as a commit has it, None if the commit or the file is not here."""
    try:
        # The commit may come from an image: it is no option of git's.
        return run(root, "show", "--end-of-options", f"{commit}:./{path}")
    except RepositoryError:
        return None


def content_at(root: Path, commit: str, name: str) -> str | None:
    """Return a text file as it is in a commit, None if that has none."""
    content = file_at(root, commit, name)
    return None if content is None else os.fsdecode(content)


def top(folder: Path) -> Path | None:
    """Return the root of the working tree that `folder` is in, or None."""
    found = output(folder, "rev-parse", "--show-toplevel")
    return Path(found) if found else None


def prefix(root: Path) -> str:
    """Return where a project lies in its repository: `` at the top, or else `folder/`."""
    return os.fsdecode(run(root, "rev-parse", "--show-prefix")).removesuffix("\n")


def has_commit(root: Path, commit: str) -> bool:
    """Return whether the repository holds this commit, on a branch or not.

    All or the first hex digits name it; anything else is none, since it could be an option of git.
    """
    named = re.fullmatch(r"[0-9a-f]{7,64}", commit)
    return bool(named) and output(root, "cat-file", "-e", f"{commit}^{{commit}}") is not None


def contents(root: Path, path: str) -> Iterator[bytes]:
    """Yield every content that any commit of any branch or tag has under `path`, newest first."""
    listed = run(root, "rev-list", "--all", "--objects", "HEAD", "--", path)
    named = f"{prefix(root)}{path}"
    for line in os.fsdecode(listed).splitlines():
        name, _, of = line.partition(" ")
        if of == named:
            yield run(root, "cat-file", "blob", name)


def run(
    root: Path,
    *arguments: str,
    variables: dict[str, str] | None = None,
    stdin: bytes | None = None,
    must: str | None = None,
    advice: str = "git status there; for a new repository git init, git add and git commit",
) -> bytes:
    """Return what `git` prints, run in `root` with further environment variables.

    `must` is what an error says must hold, by default that there is a repository with a commit.
    A repository of another user raises a ForeignRepositoryError.
    """
    try:
        done = subprocess.run(
            ["git", *SAFE, "-C", str(root), *arguments], check=False, capture_output=True,
            input=stdin, env={**os.environ, "LANGUAGE": "en", **(variables or {})},
        )  # fmt: skip
    except FileNotFoundError as error:
        raise RepositoryError("git must be on PATH. Received: none. Try: install Git.") from error
    if done.returncode:
        lines = os.fsdecode(done.stderr).strip().splitlines() or ["no output"]
        if trusting := _FOREIGN.search("\n".join(lines)):
            raise ForeignRepositoryError(
                f"{root.resolve()} must be yours, or one that you trust. Received: a repository of "
                f"another user, which Git does not read. Try: {trusting[0]}."
            )
        reason = next((of for of in lines if of.startswith(("fatal:", " ! ["))), lines[-1]).strip()
        raise RepositoryError(
            f"{must or f'{root.resolve()} must be a Git repository with a commit'}. "
            f"Received: {reason}. Try: {advice}."
        )
    return done.stdout


def output(root: Path, *arguments: str) -> str | None:
    """Return what `git` prints, without the last line's end; None if it refuses.

    A repository of another user raises a ForeignRepositoryError.
    """
    try:
        return os.fsdecode(run(root, *arguments)).removesuffix("\n")
    except ForeignRepositoryError:
        raise
    except RepositoryError:
        return None


def who(root: Path) -> dict[str, str]:
    """Return the variables that Git needs to know who commits; it is itself asked first."""
    return {
        variable: default
        for key, default in (("name", "issuesum"), ("email", "issuesum@localhost"))
        for variable in (f"GIT_AUTHOR_{key.upper()}", f"GIT_COMMITTER_{key.upper()}")
        if not os.environ.get(variable) and not output(root, "config", f"user.{key}")
    }
