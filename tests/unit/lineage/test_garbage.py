"""After the collection of garbage that docs/operations.md describes, an image is still restored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

import provenances
from issuesum.errors import ArtifactError
from issuesum.lineage import git
from issuesum.lineage.provenance.lookup import Found
from issuesum.lineage.restore.restoring import restore
from projects import ROOT, Project
from provenances import exported

PIPELINE = "stages:\n  copy:\n    cmd: cp in.txt out.txt\n    deps: [in.txt]\n    outs: [out.txt]\n"


@dataclass(frozen=True)
class Shipped:
    """A team's repository, from which an image was made at its first commit.

    Attributes:
        origin: bare repository.
        remote: of DVC.
        image: made from the first run, whose lock a later commit holds.
    """

    origin: Path
    remote: Path
    image: Found


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    folder = tmp_path_factory.mktemp("shipped")
    project = Project(folder / "project")
    project.init()
    (project.path / ".dvc").mkdir()
    (project.path / ".dvc/.gitignore").write_text("/cache\n/tmp\n")
    (project.path / ".dvc/config").write_text(
        f"[core]\n    remote = storage\n['remote \"storage\"']\n    url = {folder / 'remote'}\n"
    )
    (project.path / "dvc.yaml").write_text(PIPELINE)
    locks, commits = [], []
    for text in ("one", "two"):
        (project.path / "in.txt").write_text(text)
        commits.append(project.commit(f"take {text}"))
        project.dvc("repro", "--quiet")
        locks.append((project.path / "dvc.lock").read_text())
        project.commit(f"lock {text}")
    project.dvc("push", "--quiet", "--all-commits")
    (folder / "remote/issuesum-runs").mkdir()
    (folder / "remote/issuesum-runs/record.json").write_text("{}")
    project.run("git", "clone", "--quiet", "--bare", ".", str(folder / "origin.git"))
    known = exported(commit=commits[0], lock=locks[0], hashes={}, source=str(folder / "origin.git"))
    found = provenances.found(known.model_dump(exclude_unset=True))
    return Shipped(folder / "origin.git", folder / "remote", found)


def collect(shipped: Shipped, folder: Path, command: list[str], *clone: str) -> None:
    collector = Project(folder / "collector")
    collector.path.mkdir()
    collector.run("git", "clone", "--quiet", *clone, f"file://{shipped.origin}", ".")
    assert command[0] == "dvc"
    collector.dvc(*command[1:], "--force")


def test_the_command_of_the_guide_keeps_what_an_image_needs(
    shipped: Shipped, tmp_path: Path
) -> None:
    guide = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    (command,) = set(re.findall(r"^\$ (dvc gc --cloud --all-commits.*)$", guide, re.MULTILINE))
    collect(shipped, tmp_path, command.split("#")[0].split())
    restored = restore(shipped.image, tmp_path / "back", here=tmp_path)
    assert (tmp_path / "back/out.txt").read_text() == "one"
    assert restored.stale == []
    assert git.head(tmp_path / "back") == shipped.image.provenance.commit
    assert (shipped.remote / "issuesum-runs/record.json").exists()


def test_a_shallow_clone_loses_it_as_the_guide_warns(shipped: Shipped, tmp_path: Path) -> None:
    command = ["dvc", "gc", "--cloud", "--all-commits"]
    collect(shipped, tmp_path, command, "--depth", "1")
    with pytest.raises(ArtifactError, match=r"Received: no out\.txt"):
        restore(shipped.image, tmp_path / "back", here=tmp_path)
