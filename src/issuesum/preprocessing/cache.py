"""Entries of tokenised shards by content hash, in a folder that Git and DVC ignore."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from issuesum.files import replacing_directory

KEPT_DAYS = 30
"""An entry that no run has used for so long is removed."""


class EntryCache:
    """A folder of entries; each appears whole or not at all."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, which need not exist."""
        self._folder = folder

    def path(self, key: str) -> Path:
        """Return where the entry of this key lies, or would."""
        return self._folder / key[:2] / key[2:]

    def holds(self, key: str) -> bool:
        """Tell whether the entry is there, and note that it was asked for."""
        path = self.path(key)
        if not path.is_dir():
            return False
        os.utime(path)
        return True

    def put(self, key: str, files: Mapping[str, bytes]) -> None:
        """Keep an entry's files."""
        with replacing_directory(self.path(key)) as target:
            for name, content in files.items():
                (target / name).write_bytes(content)

    def prune(self, used: Iterable[str]) -> None:
        """Remove entries that are neither in `used` nor were asked for within KEPT_DAYS."""
        kept = {self.path(key) for key in used}
        oldest = time.time() - KEPT_DAYS * 86_400
        for entry in self._folder.glob("*/*"):
            if entry not in kept and entry.stat().st_mtime < oldest:
                shutil.rmtree(entry)
