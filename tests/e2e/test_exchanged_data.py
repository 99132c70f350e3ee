"""Who may write to the bucket, and puts other bytes under a hash, is found out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import s3fs

import provenances
from issuesum.errors import ArtifactError
from issuesum.lineage.restore.restoring import restore
from projects import ROOT, Project

pytestmark = pytest.mark.e2e


@pytest.fixture
def exchanged(tmp_path: Path, services) -> Iterator[Project]:
    """Return a project whose data was exchanged after it had been pushed."""
    project = Project(tmp_path / "project")
    (project.path / ".dvc").mkdir(parents=True)
    shutil.copy(ROOT / ".dvc/config", project.path / ".dvc/config")
    (project.path / ".dvc/.gitignore").write_text("/cache\n/tmp\n/config.local\n")
    project.run("git", "init", "--quiet")
    bucket = f"{os.environ.get('ISSUESUM_S3_BUCKET', 'issuesum')}/exchanged-{uuid4().hex[:8]}"
    (project.path / ".dvc/config.local").write_text(
        f"['remote \"storage\"']\n    url = s3://{bucket}\n    endpointurl = {services.s3}\n"
    )
    (project.path / "data.txt").write_text("honest")
    project.dvc("add", "--quiet", "data.txt")
    project.dvc("push", "--quiet")
    files = s3fs.S3FileSystem(endpoint_url=services.s3)
    (stored,) = files.find(f"{bucket}/files")
    files.pipe_file(stored, b"forged")
    for path in (".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(project.path / path)
    (project.path / "data.txt").unlink()
    yield project
    files.rm(bucket, recursive=True)


def test_data_that_was_exchanged_in_the_remote_is_not_used(exchanged: Project) -> None:
    done = exchanged.dvc("pull", ok=False)
    assert done.returncode != 0
    assert not (exchanged.path / "data.txt").exists()


def test_restore_compares_where_the_commit_does_not_ask_for_it(
    exchanged: Project, tmp_path: Path
) -> None:
    settings = (exchanged.path / ".dvc/config.local").read_text()
    (exchanged.path / ".dvc/config").write_text(f"[core]\n    remote = storage\n{settings}")
    commit = exchanged.commit("take data")
    known = provenances.exported(commit=commit, lock="schema: '2.0'\nstages: {}\n", hashes={})
    found = provenances.found(known.model_dump(exclude_unset=True))
    with pytest.raises(ArtifactError, match=r"Received: no data\.txt"):
        restore(found, tmp_path / "back", here=tmp_path, source=str(exchanged.path))
    assert not (tmp_path / "back/data.txt").exists()
