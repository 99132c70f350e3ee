"""Which shards are new, and having them tokenised: the cost of a push follows its new rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from issuesum.console import bar
from issuesum.errors import ArtifactError
from issuesum.training.corpus.shards import Side, count_rows, shard_paths
from issuesum.training.features.cache import EntryCache
from issuesum.training.features.cluster import local_processes, run_jobs
from issuesum.training.features.fields import Fields
from issuesum.training.features.tokenise import code_digest, entry_key, tokenise_shard


@dataclass(frozen=True)
class Shard:
    """A Parquet shard and where its entry is kept.

    Attributes:
        side: of the split.
        path: the Parquet file.
        rows: issues that it holds.
        key: of its entry.
        entry: folder of its entry.
        reused: whether the entry was there before this run.
    """

    side: Side
    path: Path
    rows: int
    key: str
    entry: Path
    reused: bool


def find_shards(split: Path, side: Side, fields: Fields, cache: EntryCache) -> Iterator[Shard]:
    """Yield the shards of one side in order.

    Raises:
        ArtifactError: there is none, or one is broken.
    """
    for path in shard_paths(split / side):
        content = path.read_bytes()
        key = entry_key(content, fields)
        yield Shard(
            side=side,
            path=path,
            rows=count_rows(path),
            key=key,
            entry=cache.path(key),
            reused=cache.holds(key),
        )


def tokenise_new(
    shards: Sequence[Shard],
    fields: Fields,
    cache: EntryCache,
    *,
    address: str | None,
    workers: int,
) -> int:
    """Make the entries that are missing.

    Args:
        shards: all shards of the data.
        fields: how bodies and titles become rows.
        cache: where entries are kept.
        address: a Dask scheduler's, or None for local processes.
        workers: how many of those; 0 is as many as pay.

    Returns:
        How many rows they hold.

    Raises:
        ArtifactError: a shard is broken.
        ClusterError: the scheduler or its workers cannot be used.
    """
    new = {shard.key: shard for shard in shards if not shard.reused}
    rows = sum(shard.rows for shard in new.values())
    if not new:
        return rows
    done = run_jobs(
        tokenise_shard,
        (
            (shard, (str(shard.path), _unchanged(shard, fields), fields, code_digest()))
            for shard in new.values()
        ),
        address=address,
        processes=local_processes(workers, rows),
    )
    with bar("preprocess", rows) as progress:
        for shard, files in done:
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
    """Return which shards of a side were reused and which were not."""
    states = []
    for reused, verb in ((True, "reused"), (False, "tokenised")):
        numbers = [n for n, shard in enumerate(shards) if shard.reused is reused]
        names = _ranges([shards[n].path.stem for n in numbers], numbers)
        states.append(f"{len(numbers)} {verb}" + (f" ({names})" if names else ""))
    return f"{len(shards)} shards: {', '.join(states)}"


def _ranges(names: list[str], numbers: list[int]) -> str:
    """Write neighbours as `first to last`."""
    runs: list[list[str]] = []
    for place, name in enumerate(names):
        if place and numbers[place] == numbers[place - 1] + 1:
            runs[-1].append(name)
        else:
            runs.append([name])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
