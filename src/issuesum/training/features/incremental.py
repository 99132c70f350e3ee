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


@dataclass(frozen=True)
class EntryCache:
    """A folder of entries, which need not exist; each appears whole or not at all."""

    folder: Path

    def path(self, key: str) -> Path:
        """Return the folder of the entry of this key, 32 hex digits."""
        return self.folder / key[:2] / key[2:]

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
            for name, content in {**files, _DIGEST: _digest(files)}.items():
                (target / name).write_bytes(content)

    def prune(self, used: Iterable[str]) -> None:
        """Remove entries that are neither in `used` nor were asked for within KEPT_DAYS."""
        kept = {self.path(key) for key in used}
        oldest = time.time() - KEPT_DAYS * 86_400
        for entry in self.folder.glob("*/*"):
            ours = _OURS.fullmatch(entry.relative_to(self.folder).as_posix())
            with suppress(OSError):  # another run may remove it too
                if ours and entry not in kept and entry.stat().st_mtime < oldest:
                    shutil.rmtree(entry)


def _digest(files: Mapping[str, bytes]) -> bytes:
    sums = sorted((name, crc32(content)) for name, content in files.items())
    return b"%08x" % crc32(repr(sums).encode())


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
    done: Iterator[tuple[Shard, dict[str, bytes] | None]]
    if address and new:
        sent = ((shard, _arguments(shard, fields)) for shard in new)
        done = run_jobs(tokenise_shard, sent, address=address)
    else:
        named = ((shard, (shard, fields, cache)) for shard in new)
        done = run_jobs(_make_entry, named, processes=local_processes(workers, rows))
    with bar("preprocess", rows) as progress:
        for shard, files in done:
            if files:
                cache.put(shard.key, files)
            progress.update(shard.rows)
    return rows


def _make_entry(shard: Shard, fields: Fields, cache: EntryCache) -> None:
    # Files are read and written where they are needed: their bytes take long from there to here.
    cache.put(shard.key, tokenise_shard(*_arguments(shard, fields)))


def _arguments(shard: Shard, fields: Fields) -> tuple[str, bytes, Fields, str]:
    content = shard.path.read_bytes()
    if entry_key(content, fields) != shard.key:
        must = f"{shard.path} must not change while preprocess runs. Received: other bytes."
        raise ArtifactError(f"{must} Try: dvc repro preprocess again.")
    return str(shard.path), content, fields, code_digest()


def describe(shards: Sequence[Shard]) -> str:
    """Return which shards of a split were reused and which were not."""
    runs: dict[bool, list[str]] = {True: [], False: []}
    for reused, run in groupby(shards, lambda shard: shard.reused):
        names = [shard.path.stem for shard in run]
        runs[reused].append(" to ".join(dict.fromkeys((names[0], names[-1]))))
    states = []
    for reused, verb in ((True, "reused"), (False, "tokenised")):
        number = sum(shard.reused is reused for shard in shards)
        states.append(f"{number} {verb}" + f" ({', '.join(runs[reused])})" * bool(runs[reused]))
    return f"{len(shards)} shards: {', '.join(states)}"
