"""Who commits where Git was told nobody."""

from __future__ import annotations

import os
from pathlib import Path

from issuesum.errors import RepositoryError
from issuesum.lineage import git

_NAME, _EMAIL = "issuesum", "issuesum@localhost"


def who(root: Path) -> dict[str, str]:
    """Return the variables that Git needs to know who commits; it is itself asked first."""
    variables = {}
    for key, default in (("name", _NAME), ("email", _EMAIL)):
        for role in ("AUTHOR", "COMMITTER"):
            variable = f"GIT_{role}_{key.upper()}"
            if not os.environ.get(variable) and not _configured(root, f"user.{key}"):
                variables[variable] = default
    return variables


def _configured(root: Path, key: str) -> bool:
    try:
        return bool(git.run(root, "config", key).strip())
    except RepositoryError:
        return False
