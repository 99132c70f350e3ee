"""Which image people have now."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from issuesum.errors import ArtifactError
from issuesum.lineage import git
from issuesum.lineage.receipt import RECEIPT, Receipt

LIVE = "ISSUESUM_LIVE"


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
    of the last commit.

    Raises:
        ArtifactError: that receipt is broken.
        RepositoryError: there is no Git repository or no commit.
    """
    named = os.environ.get(LIVE, "").strip()
    if named:
        return None if named.lower() == "none" else Live(named, None)
    path = RECEIPT.as_posix()
    if not git.run(root, "ls-tree", "HEAD", "--", path):
        return None
    content = git.run(root, "cat-file", "blob", f"HEAD:./{path}")
    try:
        receipt = Receipt(**json.loads(content))
    except (ValueError, TypeError) as error:
        raise ArtifactError(
            f"{path} of the last commit must name an image. Received: {type(error).__name__}. "
            f"Try: {LIVE}=none, and commit a receipt that export wrote."
        ) from error
    return Live(receipt.pinned, receipt.dvc)
