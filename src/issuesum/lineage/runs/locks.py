"""What Git remembers of dvc.lock and of receipts: which commit recorded which outputs."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from issuesum.errors import RepositoryError
from issuesum.lineage import git
from issuesum.lineage.history import earlier_versions

RECEIPT = "serving/image.json"
LOCK = "dvc.lock"
# libyaml's where it is there: Python's own is ten times slower, and every commit is read.
_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Recorded:
    """A stage's entry in dvc.lock, and the commit that brought it.

    Attributes:
        stage: as in dvc.yaml.
        commit: 40 hex digits.
        committed: ISO 8601, UTC.
        deps: md5, size and perhaps nfiles of each dependency.
        outs: the same of each output.
    """

    stage: str
    commit: str
    committed: str
    deps: dict[str, dict[str, Any]]
    outs: dict[str, dict[str, Any]]


def recorded_entries(root: Path) -> list[Recorded]:
    """Return every change of a stage's entry that is committed, the newest first.

    Nothing where there is no repository, no commit, or none that has a dvc.lock.
    """
    try:
        commits = git.commits_of(root, LOCK)
    except RepositoryError:
        return []
    locks = {commit.id: _stages(git.content_at(root, commit.id, LOCK)) for commit in commits}
    return [
        Recorded(stage, commit.id, commit.committed, _items(entry, "deps"), _items(entry, "outs"))
        for commit in commits
        for stage, entry in reversed(locks[commit.id].items())  # DVC appends them as they run
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


def _stages(content: str | None) -> dict[str, dict[str, Any]]:
    try:
        stages = yaml.load(content or "{}", _LOADER)["stages"]  # noqa: S506 -- it is a safe one
        return {name: entry for name, entry in stages.items() if isinstance(entry, dict)}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        return {}  # a commit with conflict marks, say


def _items(entry: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    names = ("md5", "size", "nfiles")
    return {
        item["path"]: {name: item[name] for name in names if name in item}
        for item in entry.get(kind) or ()
    }
