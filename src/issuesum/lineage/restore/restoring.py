"""From an image back to the working tree that it was made from."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from issuesum.errors import ArtifactError, RepositoryError, one_line
from issuesum.files import replacing_file
from issuesum.layout import LOCK, RECEIPT
from issuesum.lineage import git
from issuesum.lineage.patch import dirty_patch
from issuesum.lineage.provenance.lookup import Found
from issuesum.lineage.provenance.model import Exported
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.restore import data as of_dvc
from issuesum.lineage.restore.contained import check_contained, check_outputs

_ANOTHER = "Try: an image that the export stage made."
# A hook such as that of `dvc install` would act before the tree is what it shall be.
_NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")
# An image names the URL: whatever the user's own Git allows, it is no command line.
_NO_PROGRAMS = ("-c", "protocol.ext.allow=never")


@dataclass(frozen=True)
class Restored:
    """A project in a working tree."""

    root: Path
    owner: Path | None
    """The repository that the tree is a worktree of, or None if it is a clone."""
    lost: list[str]
    """Outputs that Git keeps and that are in no commit, as `path (md5)`."""
    stale: list[str] | None
    """What `dvc status` names; None if no data was pulled."""


def restore(
    found: Found,
    target: Path,
    *,
    here: Path,
    source: str | None = None,
    url: str | None = None,
    data: bool = True,
) -> Restored:
    """Make `target` the working tree that an image was made from.

    When code, params and dvc.lock are not available, nothing is left. When they are there and only
    data is missing, they stay.

    Args:
        found: the image.
        target: a folder that does not exist or is empty.
        here: a folder, maybe within a repository that has the commit.
        source: the Git URL to clone, instead of a worktree of that repository.
        url: of a DVC remote, instead of the one of the provenance.
        data: whether to pull data, models and bundle.

    Raises:
        RepositoryError: `target` is in use, or the commit is not available.
        ArtifactError: the provenance lacks something, the commit holds no project, or the DVC
            remote lacks something.
    """
    from dvc.exceptions import DvcException

    known, stale = found.exported(), None
    tree = checked_out(
        known.commit, target, here=here, source=source or known.source,
        clone=source is not None,
    )  # fmt: skip
    try:
        with tree as owner:
            patch = apply_patch(target, known)  # which may move the project's folder
            root = _project(target, known)
            check_contained(target, root)
            _check_patch(root, patch)
            with replacing_file(root / LOCK) as lock:
                lock.write_text(known.lock, encoding="utf-8")
            check_outputs(target, root)
            lost = of_dvc.write_kept(root, known.metrics)
            digest = str(found.image.reference.digest)
            Receipt(known.image, digest, known.git, known.dvc).save(root / RECEIPT)
            of_dvc.find_export(root)
            of_dvc.configure(root, known.remote, url=url)
        if data:
            of_dvc.pull(root, of_dvc.borrowed(root, owner))
            stale = of_dvc.record_export(root)
    except DvcException as error:
        raise ArtifactError(
            f"What DVC reads in {target} must be as it was made. Received: {one_line(error)}. "
            f"{_ANOTHER}"
        ) from error
    return Restored(root, owner, lost, stale)


def _project(tree: Path, provenance: Exported) -> Path:
    """Return the folder of the project, which may be one of a larger repository."""
    folder = provenance.folder or ""
    root = tree / folder
    if not root.resolve().is_relative_to(tree.resolve()) or not (root / ".dvc").is_dir():
        raise ArtifactError(
            f"Commit {provenance.commit[:12]} must hold the project. Received: no DVC "
            f"repository in {folder or 'its top folder'}. {_ANOTHER}"
        )
    return root


@contextmanager
def checked_out(
    commit: str, target: Path, *, here: Path, source: str | None, clone: bool
) -> Iterator[Path | None]:
    """Make `target` a working tree of `commit`; an error in the block removes it again.

    A repository that has the commit, or whose origin is `source` and has it, gets one more
    worktree. Otherwise `source` is cloned, with its history: preprocess compares its data with
    that of earlier commits. The arguments are those of `restore`.

    Yields:
        The repository of which `target` is a worktree, or None if it is a clone.

    Raises:
        RepositoryError: `target` is in use, or the commit is not available.
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


def apply_patch(tree: Path, provenance: Exported) -> bytes:
    """Make the tree of a commit as dirty as the one that the image was made from.

    Args:
        tree: its top, where a patch's paths begin; below it git would ignore the others.
        provenance: of the image.

    Returns:
        The patch; empty where the provenance is not dirty.

    Raises:
        ArtifactError: the provenance is dirty without a patch, or with a broken one.
        RepositoryError: the patch does not apply.
    """
    if not provenance.dirty:
        return b""
    commit, stated = provenance.commit[:12], provenance.patch
    if not stated:
        raise ArtifactError(
            f"The provenance of an image with a -dirty tag must hold a patch. Received: none in "
            f"that of {provenance.image}, of format {provenance.format}. "
            f"Try: git worktree add DIR {commit} for the commit alone."
        )
    patch = stated.content
    if hashlib.sha256(patch).hexdigest() != stated.sha256:
        raise ArtifactError(
            f"The patch in the provenance must have the sha256 {stated.sha256}. Received: "
            f"other bytes. {_ANOTHER}"
        )
    with tempfile.NamedTemporaryFile(prefix="issuesum-") as file:
        file.write(patch)
        file.flush()
        git.run(
            tree, "apply", "--binary", "--whitespace=nowarn", file.name,
            must=f"The patch must apply to {commit}",
            advice="an image that the export stage made",
        )  # fmt: skip
    return patch


def _check_patch(root: Path, patch: bytes) -> None:
    """Make sure that a project in which Git may be asked differs from its commit by a patch."""
    if patch and dirty_patch(root) != patch:
        raise RepositoryError(
            f"The patch must lead to the tree that the image was made from. Received: a tree that "
            f"differs otherwise from {git.head(root)[:12]}. "
            "Try: git config --list, and there core.autocrlf, core.fileMode and filters."
        )
