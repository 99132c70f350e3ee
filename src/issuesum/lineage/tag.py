"""The tag of an image: `<git>[-dirty]-<dvc>`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from issuesum.lineage import git
from issuesum.lineage.dvc import hash_of


@dataclass(frozen=True)
class Version:
    """What an image was made from."""

    commit: str  # of Git, 40 hex digits
    dirty: bool  # whether code, params, dvc.yaml or a .dvc file differed from it
    bundle: str  # DVC's hash of serving/bundle, hex digits and an optional `.dir`

    @property
    def git(self) -> str:
        """The Git part of the tag."""
        return _short(self.commit) + ("-dirty" if self.dirty else "")

    @property
    def dvc(self) -> str:
        """The DVC part of the tag."""
        return _short(self.bundle)

    @property
    def tag(self) -> str:
        """The tag, for example `3f2c1ab4d5e6-9d8e7f6a5b4c`."""
        return f"{self.git}-{self.dvc}"


def version_of(root: Path, bundle: Path) -> Version:
    """Return what an image of `bundle` would be made from now.

    Inside `dvc exp run` HEAD is the commit that the experiment starts from, and the params that it
    changes are changes of the tree: such an image is `-dirty`, and its patch holds them.

    Raises:
        ArtifactError: there is no bundle.
        RepositoryError: there is no Git repository, no commit or no DVC repository.
    """
    return Version(git.head(root), bool(git.changed_files(root)), hash_of(bundle, root))


def _short(digest: str) -> str:
    if not re.match("[0-9a-f]{12}", digest):
        raise ValueError(f"a hash must begin with 12 hex digits, received {digest!r}")
    return digest[:12]
