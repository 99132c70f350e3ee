"""A Git repository with tags as GTO sets them, each a second after the one before."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


class Tagged:
    """A repository, and the commits made in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commits: list[str] = []
        self._second = 0
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Test")
        self.git("config", "user.email", "test@example.com")

    def git(self, *arguments: str) -> str:
        self._second += 1
        env = {
            **os.environ,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_COMMITTER_DATE": f"{1_700_000_000 + self._second} +0000",
        }
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, env=env, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, message: str, **files: str | None) -> str:
        """Commit `files`, of which None removes one, and return the commit."""
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            if content is not None:
                path.write_text(content, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        self.commits.append(self.git("rev-parse", "HEAD"))
        return self.commits[-1]

    def tag(self, name: str, commit: str = "HEAD") -> None:
        self.git("tag", "--annotate", "--message", name, name, commit)
