"""The history of stage runs, from the records of runs and the commits of dvc.lock."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from issuesum.errors import RepositoryError
from issuesum.layout import LOCK, RECEIPT
from issuesum.lineage import git
from issuesum.lineage.dvc import Item, Lock, LockedStage
from issuesum.lineage.git import earlier_versions
from issuesum.lineage.runs.record import Run, RunRecord, State

_SILENCE = timedelta(days=7)
"""After which a run of another host, whose processes cannot be asked for, counts as lost."""


@dataclass(frozen=True, kw_only=True)
class Job(Run):
    """A run, with what the history of dvc.lock knows of it.

    Attributes:
        time: when it started, or, where there is no record of it, when its result was committed.
        recorded: the commit that holds its result in dvc.lock.
    """

    time: str
    recorded: str | None

    def as_json(self) -> dict[str, Any]:
        """Return all that is known, as JSON has it."""
        return super().as_json() | {"output": self.output}

    @property
    def output(self) -> str | None:
        """The md5 of the largest output, which dvc.lock has as well."""
        if not self.outs:
            return None
        return max(self.outs.values(), key=lambda item: item.size or 0).md5


def list_jobs(records: Iterable[RunRecord], root: Path) -> list[Job]:
    """Return all jobs that are known, the newest first.

    A record whose outputs stand in a commit of dvc.lock and that entry are one job.

    Args:
        records: of runs, by whomever.
        root: of the repository, which need have no commit.
    """
    entries = recorded_entries(root)
    pushed = images(root)
    committed: set[int] = set()
    jobs = []
    for record in records:
        entry = _entry_of(record, entries)
        committed.add(id(entry))
        jobs.append(_of_record(record, entry, pushed))
    jobs += [_of_entry(entry, pushed) for entry in entries if id(entry) not in committed]
    return sorted(jobs, key=lambda job: job.time, reverse=True)


def led_to(image: str, jobs: Sequence[Job]) -> list[Job]:
    """Return the jobs whose outputs went into an image, in their order.

    Args:
        image: registry/name:tag, or the tag alone.
        jobs: the newest first.

    Returns:
        The jobs that pushed it, and for each dependency of a job the one that made it: the last
        one before, if several made the same.
    """
    waiting = [job for job in jobs if job.image and image in (job.image, _tag(job.image))]
    found: list[Job] = []
    while waiting:
        job = waiting.pop()
        if job in found:
            continue
        found.append(job)
        for path, item in job.deps.items():
            makers = [maker for maker in jobs if _md5(maker.outs, path) == item.md5]
            # A result may have been committed after what was made from it.
            before = [maker for maker in makers if maker.time <= job.time]
            waiting += before[:1] or makers[-1:]
    return [job for job in jobs if job in found]


def state_of(record: RunRecord) -> State:
    """Return how a run ended; `lost` if its record says `running` and no process does."""
    if record.state != "running":
        return record.state
    if record.host == socket.gethostname():
        lost = not _is_alive(record.pid)
    else:
        lost = datetime.now(UTC) - datetime.fromisoformat(record.started) > _SILENCE
    return "lost" if lost else "running"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user, but there
        return True
    return True


def _entry_of(record: RunRecord, entries: Iterable[Recorded]) -> Recorded | None:
    """Return the entry that holds a run's result: the first one committed after it, if any is."""
    same = [
        entry
        for entry in entries
        if record.outs
        and entry.stage == record.stage
        and _hashes(entry.outs) == _hashes(record.outs)
    ]
    same = [entry for entry in same if _hashes(entry.deps) == _hashes(record.deps)] or same
    later = [entry for entry in same if entry.committed >= record.started]
    return next(iter(later[-1:] or same[:1]), None)


def _of_record(record: RunRecord, entry: Recorded | None, pushed: Mapping[str, str]) -> Job:
    known: dict[str, Any] = {each.name: getattr(record, each.name) for each in fields(Run)}
    known["state"] = state_of(record)
    known["image"] = record.image or _image(record.outs, pushed)
    return Job(time=record.started, recorded=entry.commit if entry else None, **known)


def _of_entry(entry: Recorded, pushed: Mapping[str, str]) -> Job:
    return Job(
        stage=entry.stage,
        state="done",
        time=entry.committed,
        deps=entry.deps,
        outs=entry.outs,
        bytes_in=_size(entry.deps),
        bytes_out=_size(entry.outs),
        recorded=entry.commit,
        image=_image(entry.outs, pushed),
    )


def _hashes(items: Mapping[str, Item]) -> dict[str, str]:
    return {path: item.md5 for path, item in items.items()}


def _md5(items: Mapping[str, Item], path: str) -> str | None:
    return items[path].md5 if path in items else None


def _size(items: Mapping[str, Item]) -> int:
    return sum(item.size or 0 for item in items.values())


def _image(outs: Mapping[str, Item], pushed: Mapping[str, str]) -> str | None:
    return pushed.get(_md5(outs, RECEIPT.as_posix()) or "")


def _tag(image: str) -> str:
    return image.rsplit(":", 1)[-1]


@dataclass(frozen=True)
class Recorded:
    """A stage's entry in dvc.lock, and the commit that brought it.

    Attributes:
        stage: as in dvc.yaml.
        commit: 40 hex digits.
        committed: ISO 8601, UTC.
        deps: by path.
        outs: by path.
    """

    stage: str
    commit: str
    committed: str
    deps: Mapping[str, Item]
    outs: Mapping[str, Item]


def recorded_entries(root: Path) -> list[Recorded]:
    """Return every change of a stage's entry that is committed, the newest first.

    Nothing where there is no repository, no commit, or none that has a dvc.lock.
    """
    try:
        commits = git.commits_of(root, LOCK.as_posix())
    except RepositoryError:
        return []
    locks = {
        commit.id: _stages(git.content_at(root, commit.id, LOCK.as_posix())) for commit in commits
    }
    return [
        Recorded(stage, commit.id, commit.committed, entry.deps, entry.outs)
        for commit in commits
        for stage, entry in reversed([*locks[commit.id].items()])
        if all(locks.get(parent, {}).get(stage) != entry for parent in commit.parents)
    ]


def images(root: Path) -> dict[str, str]:
    """Return registry/name:tag by the md5 of the receipt that names it, now and in each commit."""
    try:
        versions = [content for _, content in earlier_versions(root / RECEIPT)]
    except (OSError, RepositoryError):
        versions = []
    with contextlib.suppress(OSError, UnicodeDecodeError):
        versions.append((root / RECEIPT).read_text(encoding="utf-8"))
    found = {}
    for content in versions:
        try:
            image = str(json.loads(content)["image"])
        except (ValueError, KeyError, TypeError):
            continue
        found[hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()] = image
    return found


def _stages(content: str | None) -> Mapping[str, LockedStage]:
    try:
        return Lock.parse(content).stages if content else {}
    except RepositoryError:
        return {}  # a commit with conflict marks, say
