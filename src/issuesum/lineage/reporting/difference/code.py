"""The code of two images, as far as this clone has their commits."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from issuesum.lineage import git
from issuesum.lineage.provenance.model import Provenance


@dataclass(frozen=True)
class Code:
    """What is known of the code.

    Attributes:
        old: commit, with `+ patch …` if the tree differed from it.
        new: the other commit.
        stat: `git diff --stat` of what makes an image; empty if nothing differs, None if a commit
            is not here.
        missing: commits that are not here, each with what may fetch it.
    """

    old: str
    new: str
    stat: str | None
    missing: tuple[str, ...]


def compare_code(old: Provenance, new: Provenance, root: Path) -> Code:
    """Compare the commits of two provenances in the repository around `root`."""
    commits = [str(provenance.commit) for provenance in (old, new)]
    lacking = tuple(
        _how_to_fetch(commit, provenance.source)
        for commit, provenance in dict(zip(commits, (old, new), strict=True)).items()
        if not git.has_commit(root, commit)
    )
    stat = None
    if commits[0] == commits[1]:
        stat, lacking = "", ()
    elif not lacking:
        found = git.run(
            root, "diff", "--stat=100", "--no-color", "--no-ext-diff", *commits, "--", *git.CODE
        )
        stat = os.fsdecode(found).rstrip("\n")
    return Code(_named(old), _named(new), stat, lacking)


def _how_to_fetch(commit: str, source: str | None) -> str:
    if source:
        command = shlex.join(["git", "fetch", source, commit])  # an image says both
        return f"{commit} is not in this repository: {command}"
    return f"{commit} is not in this repository, and its image names no source: git fetch --all"


def _named(provenance: Provenance) -> str:
    commit = str(provenance.commit)
    if not provenance.dirty:
        return commit
    patch = provenance.patch
    said = f"patch {str(patch.sha256)[:12]}" if patch else "changes that nothing recorded"
    return f"{commit} + {said}"
