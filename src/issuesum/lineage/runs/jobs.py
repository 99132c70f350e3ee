"""The history of stage runs, from the records of runs and the commits of dvc.lock."""

import json
import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from issuesum.errors import RepositoryError
from issuesum.layout import LOCK, RECEIPT
from issuesum.lineage import git
from issuesum.lineage.dvc import Item, Lock, LockedStage, md5_of
from issuesum.lineage.runs.record import Run, RunRecord, State

_SILENCE = timedelta(days=7)  # after which a run of another host counts as lost


@dataclass(frozen=True, kw_only=True)
class Job(Run):
    """A run, with what the history of dvc.lock knows of it."""

    time: str  # when it started, or without a record of it, when its result was committed
    recorded: str | None  # the commit that holds its result in dvc.lock

    def as_json(self) -> dict[str, Any]:
        """Return all that is known, as JSON has it."""
        return super().as_json() | {"output": self.output}

    @property
    def output(self) -> str | None:
        """The md5 of the largest output, which dvc.lock has as well."""
        largest = max(self.outs.values(), key=lambda item: item.size or 0, default=None)
        return largest.md5 if largest else None


def list_jobs(records: Iterable[RunRecord], root: Path) -> list[Job]:
    """Return all jobs that are known, the newest first; the repository need have no commit.

    A record whose outputs stand in a commit of dvc.lock and that entry are one job.
    """
    pushed = _images(root)
    committed = _committed_jobs(root, pushed)
    jobs, known = [], set()
    for record in records:
        entry = _entry_of(record, committed)
        known.add(id(entry))
        values: dict[str, Any] = {each.name: getattr(record, each.name) for each in fields(Run)}
        values["state"] = state_of(record)
        values["image"] = record.image or _image(record.outs, pushed)
        recorded = entry.recorded if entry else None
        jobs.append(Job(time=record.started, recorded=recorded, **values))
    jobs += [job for job in committed if id(job) not in known]
    return sorted(jobs, key=lambda job: job.time, reverse=True)


def led_to(image: str, jobs: Sequence[Job]) -> list[Job]:
    """Return the jobs whose outputs went into an image, in their order.

    They are the jobs that pushed `image`, registry/name:tag or the tag alone, and for each
    dependency of a job the one that made it: the last one before, if several made the same.
    """
    pushed = ((job, job.image) for job in jobs if job.image)
    waiting = [job for job, name in pushed if image in (name, name.rsplit(":", 1)[-1])]
    found: list[Job] = []
    while waiting:
        job = waiting.pop()
        if job in found:
            continue
        found.append(job)
        for path, item in job.deps.items():
            makers = [maker for maker in jobs if _hashes(maker.outs).get(path) == item.md5]
            # A result may have been committed after what was made from it.
            before = [maker for maker in makers if maker.time <= job.time]
            waiting += before[:1] or makers[-1:]
    return [job for job in jobs if job in found]


def state_of(record: RunRecord) -> State:
    """Return how a run ended; `lost` if its record says `running` and no process does."""
    if record.state != "running":
        return record.state
    if record.host != socket.gethostname():
        silent = datetime.now(UTC) - datetime.fromisoformat(record.started)
        return "lost" if silent > _SILENCE else "running"
    return "running" if psutil.pid_exists(record.pid) else "lost"


def _committed_jobs(root: Path, pushed: Mapping[str, str]) -> list[Job]:
    """Return every change of a stage's entry in dvc.lock that is committed, the newest first."""
    try:
        commits = git.commits_of(root, LOCK.as_posix())
    except RepositoryError:
        return []
    locks: dict[str, Mapping[str, LockedStage]] = {}
    for commit in commits:
        text = git.content_at(root, commit.id, LOCK.as_posix()) or ""
        with suppress(RepositoryError):  # a commit with conflict marks, say
            locks[commit.id] = Lock.parse(text).stages
    return [
        Job(
            stage=stage,
            state="done",
            time=commit.committed,
            deps=entry.deps,
            outs=entry.outs,
            bytes_in=sum(item.size or 0 for item in entry.deps.values()),
            bytes_out=sum(item.size or 0 for item in entry.outs.values()),
            recorded=commit.id,
            image=_image(entry.outs, pushed),
        )
        for commit in commits
        for stage, entry in reversed([*locks.get(commit.id, {}).items()])
        if all(locks.get(parent, {}).get(stage) != entry for parent in commit.parents)
    ]


def _entry_of(record: RunRecord, committed: Iterable[Job]) -> Job | None:
    """Return the entry that holds a run's result: the first one committed after it, if any is."""
    of_stage = [job for job in committed if record.outs and job.stage == record.stage]
    same = [job for job in of_stage if _hashes(job.outs) == _hashes(record.outs)]
    same = [job for job in same if _hashes(job.deps) == _hashes(record.deps)] or same
    later = [job for job in same if job.time >= record.started]
    return next(iter(later[-1:] or same[:1]), None)


def _hashes(items: Mapping[str, Item]) -> dict[str, str]:
    return {path: item.md5 for path, item in items.items()}


def _image(outs: Mapping[str, Item], pushed: Mapping[str, str]) -> str | None:
    return next((pushed[item.md5] for item in outs.values() if item.md5 in pushed), None)


def _images(root: Path) -> dict[str, str]:
    """Return registry/name:tag by the md5 of the receipt that names it, now and in each commit."""
    versions = []
    with suppress(RepositoryError):
        versions += [content for _, content in git.earlier_versions(root / RECEIPT)]
    with suppress(OSError, UnicodeDecodeError):
        versions.append((root / RECEIPT).read_text(encoding="utf-8"))
    found = {}
    for content in versions:
        with suppress(ValueError, KeyError, TypeError):
            found[md5_of(content.encode())] = str(json.loads(content)["image"])
    return found
