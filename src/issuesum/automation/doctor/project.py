"""Whether a folder is this project, and what its pyproject.toml and uv.lock say."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from issuesum.automation.doctor.finding import Finding, note
from issuesum.automation.doctor.lock import Lock
from issuesum.errors import RepositoryError, one_line

PROJECT = "issuesum"
LOCK = "uv.lock"
_PYPROJECT = "pyproject.toml"


def read_project(root: Path) -> dict[str, Any] | None:
    """Return what pyproject.toml says, or None in a folder that is not this project.

    Raises:
        RepositoryError: it is no TOML.
    """
    content = _toml(root / _PYPROJECT, "git checkout of one side")
    project = content.get("project") if content else None
    return content if isinstance(project, dict) and project.get("name") == PROJECT else None


def read_uv_lock(root: Path) -> Lock:
    """Return what uv.lock says.

    Raises:
        RepositoryError: it is not there, no TOML, or of another project.
    """
    content = _toml(root / LOCK, "git checkout of one side, and make lock") or {}
    try:
        return Lock.of(content, PROJECT)
    except (KeyError, TypeError) as error:
        raise RepositoryError(
            f"{LOCK} must have been made from this project. Received: no package {PROJECT}. "
            f"Try: git checkout {LOCK}, or make lock."
        ) from error


def elsewhere(root: Path) -> Finding:
    """Return that a folder is not this project."""
    return note(f"{root.resolve()} is not {PROJECT}'s folder", "cd to the project's root")


def _toml(path: Path, advice: str) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # of its bytes, too
        raise RepositoryError(
            f"{path.name} must be whole. Received: {one_line(error)}. "
            f"Try: look for marks of a merge in it, then {advice}."
        ) from error
