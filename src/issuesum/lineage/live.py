"""Which image people have now."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from issuesum.errors import ArtifactError
from issuesum.lineage import git
from issuesum.lineage.receipt import RECEIPT, Receipt
from issuesum.lineage.registered import in_stage

LIVE = "ISSUESUM_LIVE"
STAGE = "prod"
"""The stage of GTO whose version people have."""


@dataclass(frozen=True)
class Live:
    """An image, as somebody named it.

    Attributes:
        image: what `look_up` takes.
        dvc: the DVC part of its tag, None if only the image itself can tell.
    """

    image: str
    dvc: str | None


def live_image(root: Path) -> Live | None:
    """Return the image that is live, None if there is none; no registry is asked.

    ISSUESUM_LIVE names it, `none` says that there is none. Without it, it is the one in the receipt
    of the version that is in the stage `prod`, and where nothing is, of the last commit.

    Raises:
        ArtifactError: that receipt is broken, or the version has none.
        RepositoryError: there is no Git repository or no commit, or GTO cannot read its tags.
    """
    named = os.environ.get(LIVE, "").strip()
    if named:
        return None if named.lower() == "none" else Live(named, None)
    released = in_stage(root, STAGE)
    receipt = committed_receipt(root, released.commit if released else "HEAD")
    if receipt is None and released:
        raise ArtifactError(
            f"The commit of {released.version}, which is in stage {STAGE}, must hold {RECEIPT}. "
            f"Received: none at {released.commit[:12]}. Try: {LIVE}=none, and register the commit "
            "that retraining made."
        )
    return Live(receipt.pinned, receipt.dvc) if receipt else None


def committed_receipt(root: Path, commit: str) -> Receipt | None:
    """Return the receipt of a commit, None if that has none.

    Raises:
        ArtifactError: it is broken.
        RepositoryError: there is no Git repository or no such commit.
    """
    path = RECEIPT.as_posix()
    if not git.run(root, "ls-tree", commit, "--", path):
        return None
    content = git.run(root, "cat-file", "blob", f"{commit}:./{path}")
    try:
        return Receipt(**json.loads(content))
    except (ValueError, TypeError) as error:
        which = "the last commit" if commit == "HEAD" else f"commit {commit[:12]}"
        raise ArtifactError(
            f"{path} of {which} must name an image. Received: {type(error).__name__}. "
            f"Try: {LIVE}=none, and commit a receipt that export wrote."
        ) from error
