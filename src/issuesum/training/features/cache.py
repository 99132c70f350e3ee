"""Entries of tokenised shards by content hash, in a folder that Git and DVC ignore."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from issuesum.files import replacing_directory

KEPT_DAYS = 30
"""An entry that no run has used for so long is removed."""
_DIGEST = "digest"
_OURS = re.compile(r"[0-9a-f]{2}/([0-9a-f]{30}|\.issuesum-.+)")
"""Entries, and what a killed run left of one; nothing else is ever removed."""


class EntryCache:
    """A folder of entries; each appears whole or not at all."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, which need not exist."""
        self._folder = folder

    def path(self, key: str) -> Path:
        """Return where the entry of this key, 32 hex digits, lies, or would."""
        return self._folder / key[:2] / key[2:]

    def holds(self, key: str) -> bool:
        """Tell whether the entry is there and whole, and note that it was asked for.

        Every byte is read: an entry that lost a file or a bit would give wrong ids.
        """
        path = self.path(key)
        try:
            files = {file.name: file.read_bytes() for file in path.iterdir()}
            whole = files.pop(_DIGEST, b"") == _digest(files)
        except OSError:
            return False
        with suppress(OSError):  # in a folder that others keep, which is read-only here
            os.utime(path)
        return whole

    def put(self, key: str, files: Mapping[str, bytes]) -> None:
        """Keep an entry's files."""
        with replacing_directory(self.path(key)) as target:
            for name, content in files.items():
                (target / name).write_bytes(content)
            (target / _DIGEST).write_bytes(_digest(files))

    def prune(self, used: Iterable[str]) -> None:
        """Remove entries that are neither in `used` nor were asked for within KEPT_DAYS."""
        kept = {self.path(key) for key in used}
        oldest = time.time() - KEPT_DAYS * 86_400
        for entry in self._folder.glob("*/*"):
            ours = _OURS.fullmatch(entry.relative_to(self._folder).as_posix())
            with suppress(OSError):  # another run may remove it too
                if ours and entry not in kept and entry.stat().st_mtime < oldest:
                    shutil.rmtree(entry)


def _digest(files: Mapping[str, bytes]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for name, content in sorted(files.items()):
        digest.update(f"{name} {len(content)}\0".encode())
        digest.update(content)
    return digest.digest()
