"""`.ci/notes`: a release publishes the section of the changelog for its version."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from projects import ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/notes", tmp_path / ".ci/notes")
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n', encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n- later\n\n## [1.2.0] - 2026-01-02\n\n- new\n\n"
        "## [1.1.0] - 2025-01-02\n\n- old\n",
        encoding="utf-8",
    )
    return tmp_path


def _notes(project: Path, tag: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([project / ".ci/notes", tag], capture_output=True, text=True, check=False)


def test_the_section_of_the_version_is_printed(project: Path) -> None:
    assert _notes(project, "v1.2.0").stdout.split() == ["-", "new"]


@pytest.mark.parametrize("tag", ["v1.1.0", "v1.2", "1.2.0.1"])
def test_a_tag_of_another_version_is_refused(project: Path, tag: str) -> None:
    done = _notes(project, tag)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "v1.2.0" in done.stderr


def test_a_version_without_notes_is_refused(project: Path) -> None:
    (project / "CHANGELOG.md").write_text("# Changelog\n\n## [1.1.0]\n\n- old\n", encoding="utf-8")
    assert _notes(project, "v1.2.0").returncode == 2


def test_the_changelog_has_notes_for_the_version_of_this_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "version"
    ]
    assert _notes(ROOT, f"v{version}").returncode == 0
