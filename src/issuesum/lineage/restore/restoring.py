"""From an image back to the working tree that it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from issuesum.errors import ArtifactError, one_line
from issuesum.files import replacing_file
from issuesum.layout import RECEIPT
from issuesum.lineage.provenance.lookup import Found
from issuesum.lineage.provenance.model import Exported
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.restore import outputs, remote
from issuesum.lineage.restore.checkout import apply_patch, check_patch, checked_out
from issuesum.lineage.restore.contained import check_contained, check_outputs


@dataclass(frozen=True)
class Restored:
    """A working tree.

    Attributes:
        root: of the project in the tree.
        owner: the repository that it is a worktree of, or None if it is a clone.
        lost: outputs that Git keeps and that are in no commit, as `path (md5)`.
        stale: what `dvc status` names; None if no data was pulled.
    """

    root: Path
    owner: Path | None
    lost: list[str]
    stale: list[str] | None


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

    When code, params and dvc.lock cannot be had, nothing is left. When they are there and only
    data is missing, they stay.

    Args:
        found: the image.
        target: a folder that does not exist or is empty.
        here: a folder, maybe within a repository that has the commit.
        source: the Git URL to clone, instead of a worktree of that repository.
        url: of a DVC remote, instead of the one of the provenance.
        data: whether to pull data, models and bundle.

    Raises:
        RepositoryError: `target` is in use, or the commit cannot be had.
        ArtifactError: the provenance lacks something, the commit holds no project, or the DVC
            remote lacks something.
    """
    from dvc.exceptions import DvcException

    try:
        return _restore(found, target, here, source, url, data=data)
    except DvcException as error:
        raise ArtifactError(
            f"What DVC reads in {target} must be as it was made. Received: {one_line(error)}. "
            "Try: an image that the export stage made."
        ) from error


def _restore(
    found: Found, target: Path, here: Path, source: str | None, url: str | None, *, data: bool
) -> Restored:
    provenance = found.exported()
    with checked_out(
        provenance.commit,
        target,
        here=here,
        source=source or provenance.source,
        clone=source is not None,
    ) as owner:
        patch = apply_patch(target, provenance)  # which may move the project's folder
        root = _project(target, provenance)
        check_contained(target, root)
        check_patch(root, patch)
        with replacing_file(root / "dvc.lock") as lock:
            lock.write_text(provenance.lock, encoding="utf-8")
        check_outputs(target, root)
        lost = outputs.write_kept(root, provenance.metrics)
        Receipt(
            image=provenance.image,
            digest=str(found.image.reference.digest),
            git=provenance.git,
            dvc=provenance.dvc,
        ).save(root / RECEIPT)
        outputs.find_export(root)
        remote.configure(root, provenance.remote, url=url)
    stale = None
    if data:
        outputs.pull(root, remote.borrowed(root, owner))
        outputs.record_export(root)
        stale = outputs.stale_stages(root)
    return Restored(root, owner, lost, stale)


def _project(tree: Path, provenance: Exported) -> Path:
    """Return the folder of the project, which may be one of a larger repository."""
    root = tree / (provenance.folder or "")
    if not root.resolve().is_relative_to(tree.resolve()) or not (root / ".dvc").is_dir():
        raise ArtifactError(
            f"Commit {provenance.commit[:12]} must hold the project. Received: no DVC "
            f"repository in {provenance.folder or 'its top folder'}. "
            "Try: an image that the export stage made."
        )
    return root
