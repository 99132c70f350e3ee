"""The code of an image as a working tree of its own: the commit, and what was not committed."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from issuesum.errors import ArtifactError, RepositoryError
from issuesum.lineage import git
from issuesum.lineage.patch import dirty_patch
from issuesum.lineage.provenance.model import Exported

# A hook such as that of `dvc install` would act before the tree is what it shall be.
_NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")
# An image names the URL: whatever the user's own Git allows, it is no command line.
_NO_PROGRAMS = ("-c", "protocol.ext.allow=never")


@contextmanager
def checked_out(
    commit: str, target: Path, *, here: Path, source: str | None, clone: bool
) -> Iterator[Path | None]:
    """Make `target` a working tree of `commit`; an error in the block removes it again.

    A repository that has the commit, or whose origin is `source` and has it, gets one more
    worktree. Otherwise `source` is cloned, with its history: preprocess compares its data with
    that of earlier commits.

    Args:
        commit: 40 hex digits.
        target: a folder that does not exist or is empty.
        here: a folder, maybe within such a repository.
        source: a URL or path of the repository.
        clone: whether to clone in any case.

    Yields:
        The repository of which `target` is a worktree, or None if it is a clone.

    Raises:
        RepositoryError: `target` is in use, or the commit cannot be had.
    """
    empty = target.is_dir() and not any(target.iterdir())
    if not empty and os.path.lexists(target):
        raise RepositoryError(
            f"{target} must not exist or be an empty folder. Received: something is there. "
            "Try: name another folder."
        )
    owner = None if clone else _owner(here, commit, source)
    try:
        if owner:
            tree = str(target.absolute())
            git.run(owner, *_NO_HOOKS, "worktree", "add", "--quiet", "--detach", tree, commit,
                    must=f"{owner} must give a worktree", advice="git worktree prune")  # fmt: skip
        else:
            _clone(commit, target, source)
        yield owner
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        if owner:
            git.run(owner, "worktree", "prune")
        if empty:
            target.mkdir(exist_ok=True)  # a link to an empty folder is still there
        raise


def apply_patch(tree: Path, provenance: Exported) -> bytes:
    """Make the tree of a commit as dirty as the one that the image was made from.

    Args:
        tree: its top, where a patch's paths begin; below it git would pass over the others.
        provenance: of the image.

    Returns:
        The patch, for `check_patch`; empty where the provenance is not dirty.

    Raises:
        ArtifactError: the provenance is dirty without a patch, or with a broken one.
        RepositoryError: the patch does not apply.
    """
    if not provenance.dirty:
        return b""
    stated = provenance.patch
    if not stated:
        raise ArtifactError(
            f"The provenance of an image with a -dirty tag must hold a patch. Received: none in "
            f"that of {provenance.image}, of format {provenance.format}. "
            f"Try: git worktree add DIR {provenance.commit[:12]} for the commit alone."
        )
    patch = stated.content
    if hashlib.sha256(patch).hexdigest() != stated.sha256:
        raise ArtifactError(
            f"The patch in the provenance must have the sha256 {stated.sha256}. Received: "
            "other bytes. Try: an image that the export stage made."
        )
    with tempfile.NamedTemporaryFile(prefix="issuesum-") as file:
        file.write(patch)
        file.flush()
        git.run(
            tree, "apply", "--binary", "--whitespace=nowarn", file.name,
            must=f"The patch must apply to {provenance.commit[:12]}",
            advice="an image that the export stage made",
        )  # fmt: skip
    return patch


def check_patch(root: Path, patch: bytes) -> None:
    """Make sure that a project differs from its commit by a patch and nothing else.

    Args:
        root: of a project in which Git may be asked (`contained.check_contained`).
        patch: what was applied to it; an empty one is not compared.

    Raises:
        RepositoryError: it differs otherwise.
    """
    if patch and dirty_patch(root) != patch:
        raise RepositoryError(
            f"The patch must lead to the tree that the image was made from. Received: a tree that "
            f"differs otherwise from {git.head(root)[:12]}. "
            "Try: git config --list, and there core.autocrlf, core.fileMode and filters."
        )


def _owner(here: Path, commit: str, source: str | None) -> Path | None:
    root = git.top(here)
    if root is None or git.has_commit(root, commit):
        return root
    if source is None or git.remote_url(root) != source:
        return None
    for wanted in ((commit,), ()):  # not every server gives a commit by its name
        with suppress(RepositoryError):
            git.run(root, "fetch", "--quiet", "origin", *wanted)
            if git.has_commit(root, commit):
                return root
    return None


def _clone(commit: str, target: Path, source: str | None) -> None:
    if source is None:
        raise RepositoryError(
            f"Commit {commit[:12]} must come from somewhere. Received: no repository here that has "
            "it, and none in the provenance. Try: --source with the Git URL, or run the command "
            "within a clone."
        )
    shown = git.without_secrets(source)
    git.run(
        Path(), *_NO_HOOKS, *_NO_PROGRAMS,
        "clone", "--quiet", "--no-checkout", "--", source, str(target),
        must=f"{shown} must be a Git repository that we may read",
        advice="--source with another URL, or your Git credentials",
    )  # fmt: skip
    if not git.has_commit(target, commit):  # on no branch, or no longer
        git.run(
            target, *_NO_PROGRAMS, "fetch", "--quiet", "origin", commit,
            must=f"{shown} must have the commit {commit}",
            advice="git push where it was made, or --source with another URL",
        )  # fmt: skip
    git.run(target, "remote", "set-url", "origin", shown)
    git.run(
        target, *_NO_HOOKS, "checkout", "--quiet", "--detach", commit,
        must=f"Commit {commit[:12]} must be checked out", advice="free space and permissions",
    )  # fmt: skip
