"""Manifests on a branch of their own, which what watches the cluster (Argo CD, Flux) reads.

Neither the working tree nor its index is touched, and other folders of the branch stay as they are.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from issuesum.errors import RepositoryError
from issuesum.lineage import git
from issuesum.lineage.git import who

_ATTEMPTS = 5
"""How often others may push first."""


def publish(
    root: Path, files: Sequence[Path], *, folder: str, message: str, remote: str, branch: str
) -> str | None:
    """Commit files to a branch of a remote, which is made if it is missing.

    Args:
        root: of the repository.
        files: whose contents go there.
        folder: of the branch that they go to, under their own names.
        message: of the commit.
        remote: of Git.
        branch: there.

    Returns:
        The commit, or None if the branch has the same bytes already.

    Raises:
        RepositoryError: the remote is unreachable, refuses us, or was pushed to again and again.
    """
    reference = f"refs/heads/{branch}"
    must = f"{remote} must take what is released to its branch {branch}"
    advice = "the same again; if it is refused, a token or key that may write to that branch"

    def ask(*arguments: str, **variables: str) -> str:
        done = git.run(root, *arguments, variables=variables, must=must, advice=advice)
        return os.fsdecode(done).strip()

    for attempt in range(1, _ATTEMPTS + 1):
        parents: list[str] = []
        if ask("ls-remote", remote, reference):
            ask("fetch", "--quiet", "--no-tags", remote, reference)
            parents.append(ask("rev-parse", "FETCH_HEAD"))
        with tempfile.TemporaryDirectory(prefix="issuesum-") as place:
            index = {"GIT_INDEX_FILE": str(Path(place) / "index")}
            ask("read-tree", *(parents or ["--empty"]), **index)
            for path in files:
                blob = ask("hash-object", "-w", "--no-filters", str(path.resolve()))
                entry = f"100644,{blob},{folder}/{path.name}"
                ask("update-index", "--add", "--cacheinfo", entry, **index)
            tree = ask("write-tree", **index)
        if parents and ask("rev-parse", f"{parents[0]}^{{tree}}") == tree:
            return None
        before = [word for parent in parents for word in ("-p", parent)]
        commit = ask("commit-tree", tree, *before, "-m", message, **who(root))
        try:
            ask("push", "--quiet", remote, f"{commit}:{reference}")
        except RepositoryError:
            # A release of another stage was faster; ours goes after it.
            now = ask("ls-remote", remote, reference).partition("\t")[0]
            if attempt == _ATTEMPTS or now == "".join(parents):
                raise
            continue
        break
    return commit
