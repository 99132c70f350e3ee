"""What an image is made from: its tag, `<git>[-dirty]-<dvc>`, and what a dirty tree adds."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from issuesum.errors import RepositoryError
from issuesum.lineage import git
from issuesum.lineage.dvc import hash_of

_LARGEST = 4 * 2**20  # bytes: the layer with the provenance must stay small enough to be read whole


@dataclass(frozen=True)
class Version:
    """What an image was made from."""

    commit: str  # of Git, 40 hex digits
    dirty: bool  # whether code, params, dvc.yaml or a .dvc file differed from it
    bundle: str  # DVC's hash of serving/bundle, hex digits and an optional `.dir`

    @property
    def git(self) -> str:
        """The Git part of the tag."""
        return self.commit[:12] + "-dirty" * self.dirty

    @property
    def dvc(self) -> str:
        """The DVC part of the tag."""
        return self.bundle[:12]

    @property
    def tag(self) -> str:
        """The tag, for example `3f2c1ab4d5e6-9d8e7f6a5b4c`."""
        return f"{self.git}-{self.dvc}"


def version_of(root: Path, bundle: Path) -> Version:
    """Return what an image of `bundle` would be made from now (ArtifactError: there is no bundle).

    Inside `dvc exp run` HEAD is the commit that the experiment starts from, and the params that it
    changes are changes of the tree: such an image is `-dirty`, and its patch holds them.
    """
    return Version(git.head(root), bool(git.changed_files(root)), hash_of(bundle, root))


def dirty_patch(root: Path) -> bytes:
    """Return how the files that make a tag `-dirty` differ from HEAD, new files included.

    It is a binary patch, empty where nothing differs. Equal trees give equal bytes, whatever the
    user's Git configuration. The repository's own index is neither read nor changed.
    RepositoryError: there is no commit, or a patch is too large or cannot hold what differs.
    """
    changed = git.changed_files(root)
    if not changed:
        return b""
    with git.index_of_head(root) as apart:
        paths = [f":(top,literal){path}" for path in changed]
        git.run(root, "add", "--all", "--force", "--", *paths, variables=apart)
        patch = git.run(
            root, "-c", "core.quotePath=true", "-c", "diff.suppressBlankEmpty=false",
            "-c", "core.attributesFile=/dev/null",
            "diff", "--cached", "--binary", "--full-index", "--no-relative", "-O/dev/null",
            "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv", "--submodule=short",
            "--diff-algorithm=myers", "--indent-heuristic", "--unified=3", "--inter-hunk-context=0",
            "--src-prefix=a/", "--dst-prefix=b/", "HEAD", "--", *paths, variables=apart,
        )  # fmt: skip
    if not patch:
        raise RepositoryError(
            f"A patch must hold what differs from the commit. Received: changes within "
            f"{', '.join(changed)}. Try: git commit in that submodule, then here."
        )
    if len(patch) > _LARGEST:
        raise RepositoryError(
            f"What a dirty tree adds to its commit must be at most {_LARGEST >> 20} MiB, since the "
            f"image carries it. Received: {len(patch):,} bytes. Try: git commit, or move large new "
            "files out of src and serving."
        )
    return patch


def patched_files(patch: bytes) -> list[str]:
    """Return the paths that a patch of `dirty_patch` changes."""
    # The same path twice, after a/ and b/; unusual names stand in quotes, escaped as in C.
    found = re.findall(rb'^diff --git ("?)a/(.*)\1 \1b/\2\1$', patch, re.MULTILINE)
    names = (ast.literal_eval(f'b"{path.decode()}"') if quote else path for quote, path in found)
    return [name.decode(errors="replace") for name in names]
