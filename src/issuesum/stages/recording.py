"""A record of each run of a stage, which never makes the stage fail."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from issuesum.console import say
from issuesum.errors import IssuesumError, RepositoryError, one_line
from issuesum.layout import RUNS
from issuesum.lineage import git
from issuesum.lineage.runs import record as runs
from issuesum.lineage.runs.record import RunRecord
from issuesum.stages.params import Stage
from issuesum.stages.sigterm import Terminated, ended_by_sigterm


class Recording:
    """The record of a run that goes on."""

    def __init__(self, stage: Stage, root: Path) -> None:
        """Write the record of a run that begins now."""
        try:
            commit, dirty = git.head(root), bool(git.changed_files(root))
        except RepositoryError:
            commit, dirty = None, False
        self.record = RunRecord.begin(stage)
        self.note(commit=commit, dirty=dirty, user=git.user(root))
        self._clock, self._writable = time.monotonic(), True
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
            say("warning", f"this run is not recorded in {RUNS}: {one_line(error)}")


@contextmanager
def recording(stage: Stage, root: Path) -> Iterator[Recording]:
    """Give the record of the run that the block is, and write how it ends."""
    with ended_by_sigterm():
        record = Recording(stage, root)
        try:
            yield record
        except BaseException as error:
            record.end(_describe(error))
            raise
        record.end(None)


def _describe(error: BaseException) -> str:
    if isinstance(error, Terminated):
        return "ended by SIGTERM"
    reason = one_line(error)
    if isinstance(error, (IssuesumError, OSError)) and reason:
        return reason
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__
