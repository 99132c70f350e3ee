"""From an image back to the working tree that it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from issuesum.errors import ArtifactError
from issuesum.lineage import outputs, remote
from issuesum.lineage.checkout import apply_patch, checked_out
from issuesum.lineage.lookup import Found
from issuesum.lineage.receipt import RECEIPT, Receipt


@dataclass(frozen=True)
class Restored:
    """A working tree.

    Attributes:
        root: of the tree.
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
        ArtifactError: the provenance is broken, or the DVC remote lacks something.
    """
    provenance = found.provenance
    _check(found)
    with checked_out(
        provenance["commit"],
        target,
        here=here,
        source=source or provenance.get("source"),
        clone=source is not None,
    ) as owner:
        apply_patch(target, provenance)
        (target / "dvc.lock").write_text(provenance["lock"], encoding="utf-8")
        lost = outputs.write_kept(target, provenance["metrics"])
        Receipt(
            image=provenance["image"],
            digest=str(found.image.reference.digest),
            git=provenance["git"],
            dvc=provenance["dvc"],
        ).save(target / RECEIPT)
        outputs.find_export(target)
        remote.configure(target, provenance.get("remote"), url=url)
    stale = None
    if data:
        outputs.pull(target, remote.borrowed(target, owner))
        outputs.record_export(target)
        stale = outputs.stale_stages(target)
    return Restored(target, owner, lost, stale)


def _check(found: Found) -> None:
    needed = ("image", "git", "dvc", "commit", "dirty", "hashes", "lock", "metrics")
    missing = [key for key in needed if key not in found.provenance]
    if missing:
        raise ArtifactError(
            f"The provenance of {found.image.reference} must hold {', '.join(needed)}. "
            f"Received: no {', '.join(missing)}. Try: an image that the export stage made."
        )
