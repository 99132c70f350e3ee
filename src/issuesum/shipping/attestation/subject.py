"""Checks of an image itself; each returns what is wrong, or None."""

from __future__ import annotations

from pathlib import Path

from issuesum.errors import RepositoryError
from issuesum.lineage import git
from issuesum.lineage.provenance.model import Exported
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.tag import Version
from issuesum.registry.client import Registry
from issuesum.registry.image import RemoteImage
from issuesum.registry.labels import differences, labels_of
from issuesum.registry.reference import Reference


def wrong_digest(registry: Registry, image: RemoteImage) -> str | None:
    """Check that the manifest has the digest that the registry gives it."""
    said = registry.digest(image.reference)
    computed, _ = registry.manifest(image.reference)
    return None if said == computed else f"the registry says {said}, its manifest has {computed}"


def wrong_labels(image: RemoteImage, content: bytes) -> str | None:
    """Check that the labels are those of /app/provenance.json, and name that very file."""
    for name, label, ours in differences(image.labels, labels_of(content), complete=True):
        return f"{name} is {label!r}, but by /app/provenance.json {ours!r}"
    return None


def wrong_tag(tag: str | None, provenance: Exported) -> str | None:
    """Check that commit and bundle make up the tag.

    Args:
        tag: by which the image was asked for, or None to check that of its provenance.
        provenance: /app/provenance.json.
    """
    made_from = Version(provenance.commit, provenance.dirty, provenance.bundle)
    if (made_from.git, made_from.dvc) != (provenance.git, provenance.dvc):
        return f"/app/provenance.json contradicts itself: commit and bundle make {made_from.tag}"
    named = tag or Reference.parse(provenance.image).tag
    return None if named == made_from.tag else f"{named} holds the image {made_from.tag}"


def wrong_receipt(
    receipt: Receipt, registry: Registry, image: RemoteImage, provenance: Exported
) -> str | None:
    """Check that a receipt names this image, and that its tag still does."""
    if (receipt.git, receipt.dvc) != (provenance.git, provenance.dvc):
        return f"it says {receipt.git}-{receipt.dvc}"
    held = registry.digest(Reference.parse(receipt.image))
    if held != receipt.digest:
        return f"{receipt.image} is now {held or 'gone'}, not {receipt.digest}"
    return None if receipt.digest == image.reference.digest else f"it says {receipt.digest}"


def wrong_commit(root: Path, provenance: Exported) -> str | None:
    """Check that the repository has the commit."""
    commit = provenance.commit
    try:
        git.run(root, "cat-file", "-e", f"{commit}^{{commit}}")
    except RepositoryError:
        return f"no commit {commit} here (git fetch --all, if it may be elsewhere)"
    return None


def wrong_lock(root: Path, provenance: Exported) -> str | None:
    """Check that one dvc.lock among all commits records every hash of the provenance."""
    hashes = {value for name, value in provenance.hashes.items() if value and name != "uv.lock"}
    patterns = [word for value in sorted(hashes) for word in ("-e", f"md5: {value}")]
    commits = git.run(root, "log", "--all", "--format=%H", "--", "dvc.lock").decode().split()
    try:
        if commits:
            git.run(root, "grep", "-qF", "--all-match", *patterns, *commits, "--", "dvc.lock")
            return None
    except RepositoryError:  # git grep ends like that where nothing matches
        pass
    return "no commit here has a dvc.lock with these hashes (git commit dvc.lock, or git fetch)"
