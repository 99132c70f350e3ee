"""Which two states are compared, and what differs in their params."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from issuesum.errors import RepositoryError
from issuesum.lineage import git

type Params = dict[str, tuple[object, object]]


def resolve(root: Path, revision: str | None, base: str | None) -> tuple[str | None, str | None]:
    """Return the commit that is reported and that of the base, 40 hex digits each.

    Args:
        root: of the repository.
        revision: what `git rev-parse` takes, or None for the working tree: the first is None then.
        base: likewise; None is HEAD for the working tree, and for a revision its first parent. The
            second is None if there is no such commit.

    Raises:
        RepositoryError: there is no repository, or a revision that was named is none.
    """
    git.run(root, "rev-parse", "--git-dir")
    reported = _commit(root, revision) if revision else None
    if base:
        return reported, _commit(root, base)
    try:
        return reported, _commit(root, f"{reported}^" if reported else "HEAD")
    except RepositoryError:
        return reported, None


def params_difference(before: Mapping[str, object], now: Mapping[str, object]) -> Params:
    """Return what differs between the params of two models, by name: before, now."""
    return {
        name: (before.get(name), now.get(name))
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    }


def _commit(root: Path, revision: str) -> str:
    try:
        found = git.run(root, "rev-parse", "--verify", "--quiet", "--end-of-options",
                        f"{revision}^{{commit}}")  # fmt: skip
    except RepositoryError as error:
        raise RepositoryError(
            f"A revision must be a commit that this repository has. Received: {revision!r}. "
            "Try: git fetch, or git log --oneline."
        ) from error
    return found.decode("ascii").strip()
