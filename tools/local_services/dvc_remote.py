"""A clone whose DVC remote is a bucket of the user's own needs no S3 server here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local_services.project import REMOTE
from local_services.service import Report

if TYPE_CHECKING:
    from pathlib import Path


def url(project: Path) -> str | None:
    """Return the URL of the remote `storage`, or None if there is none."""
    from configobj import ConfigObj  # type: ignore[import-untyped]

    found = None
    for name in ("config", "config.local"):
        path = project / ".dvc" / name
        section = ConfigObj(str(path), encoding="utf-8", interpolation=False).get(REMOTE, {})
        found = section.get("url", found)
    return str(found) if found else None


@dataclass
class OwnRemote:
    """The user's own remote: nothing is started, and its settings are left alone."""

    url: str
    name: str = "s3"

    def up(self) -> Report:
        """Say that it is used."""
        return self.status()

    def status(self) -> Report:
        """Say that it is used; whether it answers only its keys can tell."""
        return Report(self.name, self.url, "your own remote", up=True)

    def down(self) -> Report | None:
        """Stop nothing."""
        return None

    def exports(self) -> dict[str, str]:
        """Hand on nothing: the environment's own AWS settings stay."""
        return {}
