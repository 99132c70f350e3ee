"""What a dirty tree adds to its commit, as a patch that `git apply` takes."""

from __future__ import annotations

import ast
from pathlib import Path

from issuesum.lineage import git

_HEAD = b"diff --git "


def dirty_patch(root: Path) -> bytes:
    """Return how code, params, dvc.yaml and .dvc files differ from HEAD, new files included.

    The paths are those that make a tag `-dirty` (`git.changed_files`). The repository's own index
    is neither read nor changed.

    Returns:
        A binary patch, empty where nothing differs. Equal trees give equal bytes, whatever the
        user's Git configuration.

    Raises:
        RepositoryError: there is no Git repository or no commit.
    """
    changed = git.changed_files(root)
    if not changed:
        return b""
    with git.index_of_head(root) as apart:
        paths = [f":(top,literal){path}" for path in changed]
        git.run(root, "add", "--all", "--force", "--", *paths, variables=apart)
        return git.run(
            root, "-c", "core.quotePath=true", "diff", "--cached", "--binary", "--full-index",
            "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv", "--unified=3",
            "--src-prefix=a/", "--dst-prefix=b/", "HEAD", "--", *paths, variables=apart,
        )  # fmt: skip


def patched_files(patch: bytes) -> list[str]:
    """Return the paths that a patch of `dirty_patch` changes."""
    found = []
    for line in patch.splitlines():
        if line.startswith(_HEAD):
            # The same path twice, after a/ and b/; unusual names stand in quotes, escaped as in C.
            both = line.removeprefix(_HEAD)
            half = both[: len(both) // 2]
            path = ast.literal_eval(f"b{half.decode()}") if half.startswith(b'"') else half
            found.append(path.removeprefix(b"a/").decode(errors="replace"))
    return found
