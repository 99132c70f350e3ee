"""What Git remembers of dvc.lock and of receipts: which commit recorded which outputs."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from issuesum.errors import RepositoryError
from issuesum.layout import LOCK, RECEIPT
from issuesum.lineage import git
from issuesum.lineage.dvc import Item, Lock, LockedStage
from issuesum.lineage.history import earlier_versions


@dataclass(frozen=True)
class Recorded:
    """A stage's entry in dvc.lock, and the commit that brought it.

    Attributes:
        stage: as in dvc.yaml.
        commit: 40 hex digits.
        committed: ISO 8601, UTC.
        deps: by path.
        outs: by path.
    """

    stage: str
    commit: str
    committed: str
    deps: Mapping[str, Item]
    outs: Mapping[str, Item]


def recorded_entries(root: Path) -> list[Recorded]:
    """Return every change of a stage's entry that is committed, the newest first.

    Nothing where there is no repository, no commit, or none that has a dvc.lock.
    """
    try:
        commits = git.commits_of(root, LOCK.as_posix())
    except RepositoryError:
        return []
    locks = {
        commit.id: _stages(git.content_at(root, commit.id, LOCK.as_posix())) for commit in commits
    }
    return [
        Recorded(stage, commit.id, commit.committed, entry.deps, entry.outs)
        for commit in commits
        for stage, entry in reversed([*locks[commit.id].items()])
        if all(locks.get(parent, {}).get(stage) != entry for parent in commit.parents)
    ]


def images(root: Path) -> dict[str, str]:
    """Return registry/name:tag by the md5 of the receipt that names it, now and in each commit."""
    try:
        versions = [content for _, content in earlier_versions(root / RECEIPT)]
    except (OSError, RepositoryError):
        versions = []
    with contextlib.suppress(OSError, UnicodeDecodeError):
        versions.append((root / RECEIPT).read_text(encoding="utf-8"))
    found = {}
    for content in versions:
        try:
            image = str(json.loads(content)["image"])
        except (ValueError, KeyError, TypeError):
            continue
        found[hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()] = image
    return found


def _stages(content: str | None) -> Mapping[str, LockedStage]:
    try:
        return Lock.parse(content).stages if content else {}
    except RepositoryError:
        return {}  # a commit with conflict marks, say
