"""From an image back to the working tree that it was made from."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dvc.exceptions import DvcException

import issuesum
from issuesum.errors import ArtifactError, EngineError, RepositoryError, one_line
from issuesum.layout import BUNDLE, RECEIPT, UV_LOCK
from issuesum.lineage import git
from issuesum.lineage.dvc import Lock
from issuesum.lineage.provenance.lookup import Found
from issuesum.lineage.provenance.model import Artefact, Exported
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.restore import data as of_dvc
from issuesum.lineage.restore.contained import check_contained, check_outputs
from issuesum.lineage.runs.record import processor
from issuesum.lineage.tag import dirty_patch

_ANOTHER = "Try: an image that the export stage made."
# An image names the URL: whatever the user's own Git allows, it is no command line.
_NO_PROGRAMS = ("-c", "protocol.ext.allow=never")
# These would have the stages read from, or write to, other places than the tree.
_ELSEWHERE = ("ISSUESUM_CACHE", "DVC_ROOT", "TF_CONFIG", "GIT_DIR", "GIT_WORK_TREE")


@dataclass(frozen=True)
class Restored:
    """A project in a working tree."""

    root: Path
    owner: Path | None  # the repository that the tree is a worktree of, or None if it is a clone
    lost: list[str]  # outputs that Git keeps and that are in no commit, as `path (md5)`
    stale: list[str] | None  # what `dvc status` names; None if no data was pulled


def restore(
    found: Found, target: Path, *, here: Path, source: str | None = None, url: str | None = None,
    data: bool = True,
) -> Restored:  # fmt: skip
    """Make `target`, an empty folder or none, the working tree that an image was made from.

    Without code, params or dvc.lock nothing is left; if only data is missing, they stay. It becomes
    a worktree of the repository around `here` if that has the commit, or a clone of `source`. The
    `url` of a DVC remote goes before that of the provenance.

    Raises:
        RepositoryError: `target` is in use, or the commit is not available.
        ArtifactError: provenance, commit or DVC remote lack something.
    """
    known, stale = found.exported(), None
    url_of_git, clone = source or known.source, source is not None
    try:
        with checked_out(known.commit, target, here=here, source=url_of_git, clone=clone) as owner:
            patch = apply_patch(target, known)  # which may move the project's folder
            root = target / (known.folder or "")
            if not root.resolve().is_relative_to(target.resolve()) or not (root / ".dvc").is_dir():
                raise ArtifactError(
                    f"Commit {known.commit[:12]} must hold the project. Received: no DVC "
                    f"repository in {known.folder or 'its top folder'}. {_ANOTHER}"
                )
            check_contained(target, root)
            if patch and dirty_patch(root) != patch:
                raise RepositoryError(
                    "The patch must lead to the tree that the image was made from. Received: a "
                    f"tree that differs otherwise from {known.commit[:12]}. Try: git config "
                    "--list, and there core.autocrlf, core.fileMode and filters."
                )
            digest = str(found.image.reference.digest)
            Receipt(known.image, digest, known.git, known.dvc).save(root / RECEIPT)
            of_dvc.write_lock(root, known.lock)
            check_outputs(target, root)
            lost = of_dvc.write_kept(root, known.metrics)
            of_dvc.configure(root, known.remote, url=url)
        if data:
            of_dvc.pull(root, owner)
            stale = of_dvc.record_export(root)
    except DvcException as error:
        raise ArtifactError(
            f"What DVC reads in {target} must be as it was made. Received: {one_line(error)}. "
            f"{_ANOTHER}"
        ) from error
    return Restored(root, owner, lost, stale)


@contextmanager
def checked_out(
    commit: str, target: Path, *, here: Path, source: str | None, clone: bool
) -> Iterator[Path | None]:
    """Make `target` a working tree of `commit`; an error in the block removes it again.

    A repository that has the commit, or whose origin is `source` and has it, gets one more
    worktree, and is yielded. Otherwise `source` is cloned, with its history, since preprocess
    compares its data with that of earlier commits, and None is yielded.
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
            git.run(owner, *git.NO_HOOKS, "worktree", "add", "--quiet", "--detach", tree, commit,
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
        git.output(root, "fetch", "--quiet", "origin", *wanted)
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
    git.run(Path(), *git.NO_HOOKS, *_NO_PROGRAMS,
            "clone", "--quiet", "--no-checkout", "--", source, str(target),
            must=f"{shown} must be a Git repository that we may read",
            advice="--source with another URL, or your Git credentials")  # fmt: skip
    if not git.has_commit(target, commit):  # on no branch, or no longer
        git.run(target, *_NO_PROGRAMS, "fetch", "--quiet", "origin", commit,
                must=f"{shown} must have the commit {commit}",
                advice="git push where it was made, or --source with another URL")  # fmt: skip
    git.run(target, "remote", "set-url", "origin", shown)
    git.run(target, *git.NO_HOOKS, "checkout", "--quiet", "--detach", commit,
            must=f"Commit {commit[:12]} must be checked out",
            advice="free space and permissions")  # fmt: skip


def apply_patch(tree: Path, provenance: Exported) -> bytes:
    """Make the tree of a commit as dirty as that of the image, and return the patch, maybe empty.

    `tree` is its top, where a patch's paths begin: below it git would ignore the others.
    """
    if not provenance.dirty:
        return b""
    commit, stated = provenance.commit[:12], provenance.patch
    patch = stated.content if stated else b""
    if not stated or hashlib.sha256(patch).hexdigest() != stated.sha256:
        raise ArtifactError(
            f"The provenance of an image with a -dirty tag must hold a patch. Received: "
            f"{'other bytes than its sha256' if stated else 'none'} in that of {provenance.image}, "
            f"of format {provenance.format}. Try: git worktree add DIR {commit} for it alone."
        )
    git.run(tree, "apply", "--binary", "--whitespace=nowarn", "-", stdin=patch,
            must=f"The patch must apply to {commit}",
            advice="an image that the export stage made")  # fmt: skip
    return patch


def rerun(root: Path, provenance: Exported) -> str | None:
    """Run every stage up to build again, by the code in a restored tree with its data.

    Returns the model of the CPU that trained the image's model, if this machine has another.

    Raises:
        ArtifactError: a stage fails, or the bundle is not that of the image.
        EngineError: the environment of that code cannot be made.
    """
    python = _python(root)
    variables = {key: value for key, value in os.environ.items() if key not in _ELSEWHERE}
    variables["PATH"] = f"{python.parent}{os.pathsep}{variables.get('PATH', os.defpath)}"
    variables["PYTHONPATH"] = str(root.absolute() / "src")
    failed = _run([str(python), "-m", "dvc", "repro", "--force", "build"], root, variables)
    if failed:
        raise ArtifactError(
            f"Every stage up to build must run in {root}. Received: dvc repro ended with {failed}. "
            "Try: dvc repro -f build there."
        )
    model = next(
        (item for item in provenance.artefacts or () if item.name == "model"), Artefact(name="")
    )
    other = model.processor if model.processor != processor() else None
    old, new = Lock.parse(provenance.lock), Lock.read(root)
    if (after := new.md5(BUNDLE)) != provenance.bundle:
        differing = (
            f"{name}: {', '.join(paths)}"
            for name, stage in new.stages.items()
            if (paths := [path for path, item in stage.outs.items() if old.md5(path) != item.md5])
        )
        trained_on = model.device if "gpu" in (model.device or "").lower() else other
        by = f" It was trained on {trained_on}, not as here: other bytes are normal."
        raise ArtifactError(
            f"The pipeline must make the bundle {provenance.bundle} again. Received: {after}; "
            f"first other outputs: {next(differing, None)}.{by if trained_on else ''} "
            f"Try: dvc diff and git diff dvc.lock in {root}; the same kind of CPU."
        )
    return other


def _python(root: Path) -> Path:
    """Return a Python with the packages that the tree locks: ours, or one made for it."""
    ours, theirs = Path(issuesum.__file__).parents[2] / UV_LOCK, root / UV_LOCK
    if ours.is_file() and theirs.is_file() and ours.read_bytes() == theirs.read_bytes():
        return Path(sys.executable)
    if failed := _run(["make", "setup"], root, dict(os.environ)):
        raise EngineError(
            f"{root} locks other packages than those here, so make setup must run there. Received: "
            f"exit code {failed}. Try: make setup there."
        )
    return root.absolute() / ".venv/bin/python"


def _run(command: list[str], root: Path, variables: dict[str, str]) -> str:
    """Return how it failed, if so: without a terminal to print to, with the last line printed."""
    file = sys.stderr if sys.stderr.isatty() else subprocess.PIPE
    done = subprocess.run(
        command, cwd=root, env=variables, stdout=file, stderr=subprocess.STDOUT, text=True,
        errors="replace", check=False,
    )  # fmt: skip
    *_, last = ["", *(done.stdout or "").strip().splitlines()]
    return f"{done.returncode or ''}{f' ({one_line(last)})' if done.returncode and last else ''}"
