"""A file by its DVC hash, out of the cache or the remote of a real DVC repository."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from dvc.repo import Repo

from issuesum.errors import RepositoryError
from issuesum.lineage.reporting.image_difference import stored_file


def test_it_comes_out_of_the_remote_and_leaves_the_workspace(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    Repo.init(str(root), no_scm=True).close()
    md5 = hashlib.md5(b"old\n", usedforsecurity=False).hexdigest()
    held = tmp_path / "remote/files/md5" / md5[:2] / md5[2:]
    held.parent.mkdir(parents=True)
    held.write_bytes(b"old\n")
    (root / ".dvc/config").write_text(
        "[core]\n    no_scm = True\n    remote = here\n"
        f"['remote \"here\"']\n    url = {tmp_path / 'remote'}\n"
    )
    (root / "a.csv").write_text("new\n")

    assert stored_file(root, md5).read_text() == "old\n"
    held.unlink()
    assert stored_file(root, md5).read_text() == "old\n"  # the cache has it now
    assert (root / "a.csv").read_text() == "new\n"
    with pytest.raises(RepositoryError, match=f"DVC must have {'0' * 32}"):
        stored_file(root, "0" * 32)


def test_where_there_is_no_repository_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="must be inside a DVC repository"):
        stored_file(tmp_path, "0" * 32)
