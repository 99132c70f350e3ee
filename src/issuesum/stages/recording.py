"""A record of each run of a stage, which never makes the stage fail."""

from __future__ import annotations

import getpass
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

from issuesum.errors import IssuesumError, RepositoryError, one_line
from issuesum.lineage import git, runs
from issuesum.lineage.runs import RunRecord
from issuesum.params import Stage
from issuesum.stages.paths import RUNS


class Recording:
    """The record of a run that goes on."""

    def __init__(self, stage: Stage, root: Path) -> None:
        """Write the record of a run that begins now."""
        self.record = RunRecord.begin(stage)
        self.note(**_origin(root))
        self._clock = time.monotonic()
        self._writable = True
        self._write()

    def note(self, **values: object) -> None:
        """Set fields, which are written when the run ends."""
        self.record = replace(self.record, **values)  # type: ignore[arg-type]

    def end(self, error: str | None) -> None:
        """Write how the run ended: well, if there is no error."""
        seconds = round(time.monotonic() - self._clock, 2)
        self.note(state="failed" if error else "done", seconds=seconds, error=error)
        self._write()

    def _write(self) -> None:
        if not self._writable:
            return
        try:
            runs.write(self.record, RUNS)
        except OSError as error:
            self._writable = False
            print(
                f"warning: this run is not recorded in {RUNS}: {one_line(error)}", file=sys.stderr
            )


@contextmanager
def recording(stage: Stage, root: Path) -> Iterator[Recording]:
    """Give the record of the run that the block is, and write how it ends."""
    with _ended_by_sigterm():
        record = Recording(stage, root)
        try:
            yield record
        except BaseException as error:
            known = isinstance(error, (IssuesumError, OSError))
            said = one_line(error)
            record.end(said if known and said else f"{type(error).__name__}: {said}".rstrip(": "))
            raise
        record.end(None)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM unwind the block, so that it can be recorded.

    Not in a training of several workers: one that waits in TensorFlow for others would not end.
    """
    own = threading.current_thread() is threading.main_thread()
    if not own or os.environ.get("TF_CONFIG") or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    process = os.getpid()

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if os.getpid() != process:  # a child that was forked
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _origin(root: Path) -> dict[str, str | bool | None]:
    try:
        commit, dirty = git.head(root), bool(git.changed_files(root))
    except RepositoryError:
        commit, dirty = None, False
    try:
        user = git.user_name(root) or getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in containers
        user = None
    return {"commit": commit, "dirty": dirty, "user": user}
