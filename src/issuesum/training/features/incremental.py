"""Tokenise only the shards that are new: the cost of a push follows its new rows.

Entries of tokenised shards are kept by content hash in a folder that Git and DVC ignore.
"""

import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from zlib import crc32

from issuesum.console import bar
from issuesum.errors import ArtifactError
from issuesum.files import replacing_directory
from issuesum.training.corpus.shards import count_rows, shard_paths
from issuesum.training.features.cluster import local_processes, run_jobs
from issuesum.training.features.ktext_adapter import Fields
from issuesum.training.features.tokenise import code_digest, entry_key, tokenise_shard

KEPT_DAYS = 30  # an entry that no run has used for so long is removed
_DIGEST = "digest"
# Entries, and what a killed run left of one; nothing else is ever removed.
_OURS = re.compile(r"[0-9a-f]{2}/([0-9a-f]{30}|\.issuesum-.+)")


class EntryCache:
    """A folder of entries; each appears whole or not at all."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, which need not exist."""
        self._folder = folder

    def path(self, key: str) -> Path:
        """Return the folder of the entry of this key, 32 hex digits."""
        return self._folder / key[:2] / key[2:]

    def holds(self, key: str) -> bool:
        """Return whether the entry is there and whole, and mark it as used.

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
    digest = 0
    for name, content in sorted(files.items()):
        digest = crc32(content, crc32(f"{name} {len(content)}".encode(), digest))
    return b"%08x" % digest


@dataclass(frozen=True)
class Shard:
    """A Parquet shard and where its entry is kept."""

    path: Path
    rows: int
    key: str  # of its entry
    entry: Path  # folder
    reused: bool  # whether the entry was there before this run


def find_shards(split: Path, fields: Fields, cache: EntryCache) -> Iterator[Shard]:
    """Yield the shards of one split in order; none, or a broken one, is an ArtifactError."""
    for path in shard_paths(split):
        key = entry_key(path.read_bytes(), fields)
        yield Shard(path, count_rows(path), key, cache.path(key), reused=cache.holds(key))


def tokenise_new(
    shards: Sequence[Shard], fields: Fields, cache: EntryCache, *, address: str | None, workers: int
) -> int:
    """Make the entries that are missing; return how many rows they hold.

    Workers are those of the Dask scheduler at `address`, or local processes; 0 is as many as pay.

    Raises:
        ArtifactError: a shard is broken.
        ClusterError: the scheduler or its workers cannot be used.
    """
    new = {shard.key: shard for shard in shards if not shard.reused}.values()
    rows = sum(shard.rows for shard in new)
    if not new:
        return rows
    jobs = (
        (shard, (str(shard.path), _unchanged(shard, fields), fields, code_digest()))
        for shard in new
    )
    processes = local_processes(workers, rows)
    with bar("preprocess", rows) as progress:
        for shard, files in run_jobs(tokenise_shard, jobs, address=address, processes=processes):
            cache.put(shard.key, files)
            progress.update(shard.rows)
    return rows


def _unchanged(shard: Shard, fields: Fields) -> bytes:
    content = shard.path.read_bytes()
    if entry_key(content, fields) != shard.key:
        raise ArtifactError(
            f"{shard.path} must not change while preprocess runs. Received: other bytes. "
            "Try: dvc repro preprocess again."
        )
    return content


def describe(shards: Sequence[Shard]) -> str:
    """Return which shards of a split were reused and which were not."""
    states = []
    for reused, verb in ((True, "reused"), (False, "tokenised")):
        numbers = [n for n, shard in enumerate(shards) if shard.reused is reused]
        runs = []  # of neighbours, which have the same difference of number and place
        for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
            names = [shards[n].path.stem for _, n in run]
            runs.append(" to ".join(dict.fromkeys((names[0], names[-1]))))
        states.append(f"{len(numbers)} {verb}" + (f" ({', '.join(runs)})" if runs else ""))
    return f"{len(shards)} shards: {', '.join(states)}"
