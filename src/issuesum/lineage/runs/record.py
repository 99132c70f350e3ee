"""Records of stage runs: a JSON file each, outside Git and DVC, shared through the DVC remote."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import secrets
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from issuesum.errors import RepositoryError, one_line
from issuesum.files import write_json
from issuesum.lineage.dvc import Item, open_repo

State = Literal["running", "done", "failed", "lost"]
REFUSAL = "The model must pass the gate."  # how the error of an export begins that it refused
NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[A-Za-z0-9_-]+-[0-9a-f]{6}\.json")
FINISHED: tuple[State, ...] = ("done", "failed")
PREFIX = "issuesum-runs"
"""Folder of the remote; DVC keeps its own in `files`, and passes over others when it collects."""
_AT_ONCE = 8


def is_refusal(line: str) -> bool:
    """Return whether a failed stage ended with the gate's refusal."""
    return line.startswith(REFUSAL)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of one stage, as far as it is known."""

    stage: str  # as in dvc.yaml
    state: State = "running"  # until it ends; `lost` if its process vanished
    started: str | None = None  # ISO 8601, UTC
    seconds: float | None = None  # from start to end, None while it runs
    error: str | None = None  # the line that a failed run ended with
    exit_code: int | None = None  # of its process; DVC's own is the same for all failures
    commit: str | None = None  # HEAD when it began, None without one
    dirty: bool = False  # whether code, params, dvc.yaml or a .dvc file differed from it
    user: str | None = None  # Git's user.name, or else the account
    host: str | None = None  # where it ran
    device: str | None = None  # what trained
    processor: str | None = None  # model of the CPU; trained weights depend on it, by rounding
    rows: int | None = None  # that it worked on, where the stage knows
    bytes_in: int | None = None  # of all dependencies
    bytes_out: int | None = None  # of all outputs
    image: str | None = None  # registry/name:tag that it pushed
    deps: Mapping[str, Item] = field(default_factory=dict)  # by path, as dvc.lock has them
    outs: Mapping[str, Item] = field(default_factory=dict)  # by path

    def as_json(self) -> dict[str, Any]:
        """Return all that is known, as JSON has it."""
        items = {
            kind: {path: item.as_locked() for path, item in getattr(self, kind).items()}
            for kind in ("deps", "outs")
        }
        return asdict(self) | items


@dataclass(frozen=True, kw_only=True)
class RunRecord(Run):
    """A run as it is stored."""

    id: str  # `<UTC start>-<stage>-<6 random hex digits>`, which is also the file's name
    started: str
    host: str
    pid: int  # of its process on `host`
    format: Literal[1] = 1  # of this record

    @classmethod
    def begin(cls, stage: str) -> RunRecord:
        """Return the record of a run that begins now, in this process."""
        now = datetime.now(UTC)
        return cls(
            id=f"{now:%Y%m%dT%H%M%SZ}-{stage}-{secrets.token_hex(3)}",
            stage=stage,
            started=now.isoformat(timespec="seconds"),
            host=socket.gethostname(),
            processor=processor(),
            pid=os.getpid(),
        )


def processor() -> str | None:
    """Return the model of this machine's CPU, or None if the system does not name it."""
    with contextlib.suppress(OSError):
        named = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if named:
            return named[1]
    return platform.processor() or None


_ADAPTER = TypeAdapter(RunRecord)


def write(record: RunRecord, folder: Path) -> None:
    """Write a record, in place of an earlier one of the same run, or raise an OSError."""
    write_json(folder / f"{record.id}.json", record.as_json())


def parse(content: bytes, name: str) -> RunRecord | None:
    """Return the record that a file of this name holds; None if it is broken or none of ours."""
    try:
        record = _ADAPTER.validate_json(content)
    except ValidationError:
        return None
    return record if NAME.fullmatch(name) and name == f"{record.id}.json" else None


def read_all(folder: Path) -> list[RunRecord]:
    """Return the records in a folder that need not exist, the newest first."""
    found = []
    for path in folder.glob("*.json"):
        with contextlib.suppress(OSError):  # removed in between
            found += [record] if (record := parse(path.read_bytes(), path.name)) else []
    return sorted(found, key=lambda record: (record.started, record.id), reverse=True)


def last_runs(folder: Path) -> dict[str, RunRecord]:
    """Return the newest run of each stage that succeeded, by stage."""
    return {run.stage: run for run in reversed(read_all(folder)) if run.state == "done"}


def exchange(folder: Path, root: Path) -> tuple[int, int]:
    """Send and fetch the records of finished runs that the other side lacks; return how many.

    The `folder` need not exist. RepositoryError without a default remote of DVC that can be used.
    """
    here = {f"{run.id}.json" for run in read_all(folder) if run.state in FINISHED}
    must, advice = "DVC must have a default remote", "dvc remote add -d NAME URL"
    with open_repo(root, must, advice) as repo:
        remote = repo.cloud.get_remote(command="push")
        files, place = remote.fs, remote.fs.join(remote.path, PREFIX)
        try:
            found = files.find(place) if files.exists(place) else ()
            there = {files.name(path): path for path in found}
            offered = {name: files.join(place, name) for name in here - there.keys()}
            wanted = [name for name in there.keys() - here if NAME.fullmatch(name)]
            if offered:
                files.makedirs(place, exist_ok=True)
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                sources = (str(folder / name) for name in offered)
                list(pool.map(files.put_file, sources, offered.values()))
                contents = pool.map(files.cat_file, map(there.get, wanted))
                received = list(filter(None, map(parse, contents, wanted)))
            for record in received:
                write(record, folder)
        except Exception as error:  # every storage brings error classes of its own
            raise RepositoryError(
                f"{files.unstrip_protocol(place)} must be readable and writable. Received: "
                f"{one_line(error) or type(error).__name__}. Try: issuesum doctor --only remote."
            ) from error
    return len(offered), len(received)
