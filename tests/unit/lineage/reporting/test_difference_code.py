"""What Git shows between two commits, and what is shown where it does not have them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from issuesum.lineage.git import file_at
from issuesum.lineage.provenance.model import Patch, Provenance
from issuesum.lineage.reporting.image_difference import compare_code


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    done = subprocess.run(
        ["git", *who, *arguments],
        cwd=folder,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def commits(tmp_path: Path) -> list[str]:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "src").mkdir()
    found = []
    for number in range(2):
        (tmp_path / "src/a.py").write_text(f"number = {number}\n")
        (tmp_path / f"notes{number}.md").write_text("makes no image\n")
        git(tmp_path, "add", "--all")
        git(tmp_path, "commit", "--quiet", "--message", "change")
        found.append(git(tmp_path, "rev-parse", "HEAD"))
    return found


def test_only_what_makes_an_image_is_compared(commits: list[str], tmp_path: Path) -> None:
    patch = Patch(sha256="ab" * 32, base64="")
    dirty = Provenance(commit=commits[1], dirty=True, patch=patch)
    found = compare_code(Provenance(commit=commits[0], dirty=True), dirty, tmp_path)
    assert found.stat is not None
    assert [line.split()[0] for line in found.stat.splitlines()] == ["src/a.py", "1"]
    assert found.old == f"{commits[0]} + changes that nothing recorded"
    assert found.new == f"{commits[1]} + patch abababababab"
    assert found.missing == ()


def test_a_commit_that_is_not_here_comes_with_a_command(commits: list[str], tmp_path: Path) -> None:
    other = Provenance(commit="c" * 40, source="https://example.com/r.git;x")
    found = compare_code(Provenance(commit=commits[0]), other, tmp_path)
    assert found.stat is None
    assert found.missing == (
        f"{'c' * 40} is not in this repository: git fetch 'https://example.com/r.git;x' {'c' * 40}",
    )


def test_an_option_in_place_of_a_commit_is_none(commits: list[str], tmp_path: Path) -> None:
    found = compare_code(Provenance(commit="--output=x"), Provenance(commit=commits[0]), tmp_path)
    assert found.stat is None
    assert not (tmp_path / "x").exists()


def test_a_file_of_a_commit(commits: list[str], tmp_path: Path) -> None:
    assert file_at(tmp_path, commits[0], "src/a.py") == b"number = 0\n"
    assert file_at(tmp_path, commits[0], "src/b.py") is None
    assert file_at(tmp_path / "src", "c" * 40, "src/a.py") is None
